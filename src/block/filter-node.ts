/** The node of a filter that is put over another node while that is in use. */

import type { BlockDriver } from './driver.ts';
import { BlockEdge } from './edge.ts';
import { BlockNode } from './node.ts';
import type { NodeOptions } from './options.ts';

/**
 * Makes the node of a filter, on which nobody stands yet.
 *
 * @param wrap Makes its driver, given the edge down to the node.
 */
export function filterOver(
  node: BlockNode,
  options: Pick<NodeOptions, 'name' | 'driver' | 'implicit'>,
  wrap: (child: BlockEdge) => BlockDriver,
): BlockNode {
  const edge = new BlockEdge(node, { name: options.name, role: 'backing' });
  try {
    // The node below looks for zeroes; once is enough.
    const own = { detectZeroes: 'off', given: undefined, ...options } as const;
    return new BlockNode({ implicit: false, ...node.options, ...own }, wrap(edge));
  } catch (error) {
    edge.close();
    throw error;
  }
}
