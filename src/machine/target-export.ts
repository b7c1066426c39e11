/**
 * What a mirror demands of an NBD export that it is to write to.
 *
 * An export exists before the mirror does, as somebody has made it; so as with a file that exists,
 * it is written over only if it holds nothing or its owner agreed. That it holds nothing is seen by
 * the status of its blocks, which a server without them cannot show.
 */

import { BlockError } from '../base/errors.ts';
import { extents } from '../block/extents.ts';
import type { BlockNode } from '../block/node.ts';
import { formatNbdUri, type NbdUri } from '../wire/nbd/uri.ts';

/** @throws {BlockError} `EEXIST` for an export that may hold something other than zeroes. */
export async function demandEmpty(node: BlockNode, uri: NbdUri): Promise<void> {
  for await (const { zero } of extents(node, { offset: 0, length: node.size })) {
    if (zero) continue;
    throw new BlockError('EEXIST', `mirror to "${formatNbdUri(uri)}"`, 'it may hold data');
  }
}

/** @throws {BlockError} `EINVAL` when both are one export, as far as their URIs tell. */
export function demandOther(source: NbdUri, target: NbdUri): void {
  if (placeOf(source) !== placeOf(target)) return;
  const reason = 'source and target are the same export';
  throw new BlockError('EINVAL', `mirror to "${formatNbdUri(target)}"`, reason);
}

function placeOf({ server, exportName }: NbdUri): string {
  return formatNbdUri({ server, exportName });
}
