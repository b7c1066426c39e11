/** The way down from a node to where its bytes are. */

import type { BlockNode } from '../../../block/node.ts';

/** The node whose bytes a filter or a format shows; `undefined` for one that stands on none. */
export function primaryChild(node: BlockNode): BlockNode | undefined {
  return node.filtered ?? node.edges.find(({ parent }) => parent.role === 'file')?.node;
}
