/**
 * A drain: nothing goes into a node from above, and nothing is in flight in it.
 *
 * The drain spreads from the node to the nodes that stand on it, for a request in flight in one of
 * those may still come down. Requests are held back where they enter from outside (a device, a job,
 * an export); edges between nodes stay open, so that what is inside can finish. Drains may nest and
 * overlap: an edge is let go when the last one that holds it ends. An edge that comes to a drained
 * node while the drain lasts is held too; one that is redirected away stays held to the end, which
 * is how a pivot moves a guest without letting a request slip between the two disks.
 */

import { assert } from '../base/assert.ts';
import type { ActiveDrain, BlockNode, ParentEdge } from './node.ts';

class Drain implements ActiveDrain {
  readonly #open: ParentEdge | undefined;
  readonly #nodes = new Set<BlockNode>();
  readonly #edges = new Set<ParentEdge>();

  constructor(open: ParentEdge | undefined) {
    this.#open = open;
  }

  add(node: BlockNode): void {
    if (this.#nodes.has(node)) return;
    this.#nodes.add(node);
    node.drains.add(this);
    for (const edge of node.parents) this.adopt(edge);
  }

  adopt(edge: ParentEdge): void {
    if (edge.owner) {
      this.add(edge.owner);
    } else if (edge !== this.#open && !this.#edges.has(edge)) {
      this.#edges.add(edge);
      edge.hold();
    }
  }

  async quiesce(): Promise<void> {
    for (;;) {
      const busy = [...this.#nodes].find((node) => node.inFlight > 0);
      if (!busy) return;
      await busy.whenIdle();
    }
  }

  end(): void {
    for (const node of this.#nodes) node.drains.delete(this);
    for (const edge of this.#edges) edge.letGo();
  }
}

/**
 * Runs `body` while nothing is in flight in `node` and nothing can enter it.
 *
 * @param open The edge by which `body` itself uses the node, if it does: it is not held back.
 * @returns What `body` returns.
 */
export async function drained<T>(
  node: BlockNode,
  body: () => T | Promise<T>,
  open?: ParentEdge,
): Promise<T> {
  const drain = new Drain(open);
  drain.add(node);
  try {
    await drain.quiesce();
    assert(node.inFlight === 0, 'a drained node has nothing in flight');
    return await body();
  } finally {
    drain.end();
  }
}
