/**
 * Finding what a filter can do beside moving bytes, given its node.
 *
 * A node shows nothing of its driver. But the filter knows its edge down, and that edge knows the
 * node that holds it once it is open.
 */

import type { BlockNode } from '../block/node.ts';
import type { ParentEdge } from '../block/parent.ts';

export class ByNode<Control extends object> {
  readonly #controls = new WeakMap<ParentEdge, Control>();

  /** @param edge The filter's edge down to the node that it filters. */
  add(edge: ParentEdge, control: Control): void {
    this.#controls.set(edge, control);
  }

  /** @returns `undefined` when the node is not such a filter. */
  find(filter: BlockNode): Control | undefined {
    const parents = [...(filter.filtered?.parents ?? [])];
    const edge = parents.find(({ owner }) => owner === filter);
    return edge && this.#controls.get(edge);
  }
}
