/**
 * A drain: nothing goes into a node from above, and nothing is in flight in it.
 *
 * The drain spreads from the node to the nodes that stand on it, for a request in flight in one of
 * those may still come down. Requests are held back where they enter from outside (a device, a job,
 * an export); edges between nodes stay open, so that what is inside can finish. A job is not held,
 * for its requests depend on one another; it is asked to come to rest, and waited for. Drains may
 * nest and overlap: an edge is let go when the last one that holds it ends. An edge that comes to a
 * drained node while the drain lasts is held too; one that is redirected away stays held to the
 * end, which is how a pivot moves a guest without letting a request slip between the two disks.
 */

import { assert } from '../base/assert.ts';
import type { BlockNode } from './node.ts';
import type { ActiveDrain, ParentEdge, RestingParent } from './parent.ts';

class Drain implements ActiveDrain {
  readonly #open: ParentEdge | undefined;
  readonly #nodes = new Set<BlockNode>();
  readonly #edges = new Set<ParentEdge>();
  readonly #resting = new Set<RestingParent>();

  constructor(open: ParentEdge | undefined) {
    this.#open = open;
  }

  add(node: BlockNode): void {
    if (this.#nodes.has(node)) return;
    this.#nodes.add(node);
    node.joinDrain(this);
    for (const edge of node.parents) this.adopt(edge);
  }

  adopt(edge: ParentEdge): void {
    const { owner } = edge;
    const { rest } = edge.parent;
    if (owner) {
      this.add(owner);
    } else if (this.#isOpen(edge) || this.#edges.has(edge)) {
      return;
    } else if (!rest) {
      this.#edges.add(edge);
      edge.hold();
    } else if (!this.#resting.has(rest)) {
      this.#resting.add(rest);
      rest.beginRest();
    }
  }

  /** Whether it is the edge that stays open, or another one of the same job. */
  #isOpen(edge: ParentEdge): boolean {
    const { rest } = edge.parent;
    return edge === this.#open || (rest !== undefined && rest === this.#open?.parent.rest);
  }

  async quiesce(): Promise<void> {
    for (;;) {
      // What is at work may need what is in flight, and brings more of it until it rests.
      const atWork = [...this.#resting].find((parent) => !parent.isResting);
      const busy = [...this.#nodes].find((node) => node.inFlight > 0);
      if (atWork) await atWork.whenResting();
      else if (busy) await busy.whenIdle();
      else return;
    }
  }

  end(): void {
    for (const node of this.#nodes) node.leaveDrain(this);
    for (const edge of this.#edges) edge.letGo();
    for (const parent of this.#resting) parent.endRest();
  }
}

/**
 * Runs `body` while nothing is in flight in `node` and nothing can enter it.
 *
 * @param open The edge by which `body` itself uses the node, if it does: neither it nor any other
 *   edge of its parent is held back.
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
