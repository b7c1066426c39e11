/** A walk over what is known of a range without reading it. */

import type { Pending } from '../base/pending.ts';
import type { ByteRange } from '../base/ranges.ts';
import type { BlockExtent } from './driver.ts';

/** An extent with its place. */
export interface PlacedExtent extends BlockExtent {
  readonly offset: number;
}

/** A node, or an edge to one. */
export interface StatusSource {
  blockStatus(offset: number, length: number): Pending<BlockExtent>;
}

/** Gives the extents of a range in order; neighbours of the same kind come as one. */
export async function* extents(
  source: StatusSource,
  { offset, length }: ByteRange,
): AsyncGenerator<PlacedExtent> {
  const end = offset + length;
  let last: PlacedExtent | undefined;
  for (let at = offset; at < end; ) {
    const found = await source.blockStatus(at, end - at);
    if (last && isSameKind(last, found)) {
      last = { ...last, length: last.length + found.length };
    } else {
      if (last) yield last;
      const { data, zero, allocated } = found;
      last = { offset: at, length: found.length, data, zero, allocated };
    }
    at += found.length;
  }
  if (last) yield last;
}

/** Whether the same is known of two extents, wherever they are. */
export function isSameKind(a: BlockExtent, b: BlockExtent): boolean {
  return a.data === b.data && a.zero === b.zero && a.allocated === b.allocated;
}
