/** What is behind a disk, and can be something else while the disk is in use. */

import { assert } from '../base/assert.ts';
import { BlockError } from '../base/errors.ts';
import type { BlockEdge } from './edge.ts';
import type { BlockNode } from './node.ts';

/**
 * Puts another node, or none, behind a node, whose own bytes stay; under a drain.
 *
 * @throws {BlockError} `ENOTSUP` when the driver has no backing.
 */
export function putBehind(node: BlockNode, backing: BlockEdge | undefined): void {
  const { traits } = node;
  assert(node.inFlight === 0, 'a backing changes with nothing in flight');
  if (!traits.setBacking) {
    const action = `change the backing of "${node.name}"`;
    throw new BlockError('ENOTSUP', action, 'its driver has none');
  }
  const before = traits.backing;
  traits.setBacking(backing);
  before?.close();
  backing?.belongTo(node);
}
