/**
 * The way from a parent down to a node.
 *
 * Devices, jobs, exports and the drivers of other nodes hold edges, never nodes. To insert a filter
 * or to pivot to another disk is to redirect edges, which nobody above notices. A drain holds
 * requests back here, and the edge picks its node only when it is let go: held at the node, a write
 * that arrived during a pivot would go to the disk that its device has just left.
 */

import { assert } from '../base/assert.ts';
import type { Pending } from '../base/pending.ts';
import type { BlockExtent, Loan, WriteZeroesOptions } from './driver.ts';
import type { BlockNode } from './node.ts';
import type { EdgeParent, ParentEdge } from './parent.ts';
import type { ChangeOptions } from './request.ts';

/** Makes requests wait for their turn, as throttle limits do. */
export interface RequestLimit {
  /** @returns Nothing when it may go at once; else a promise that resolves when it may. */
  admit(direction: 'read' | 'write', bytes: number): Promise<void> | undefined;
}

export class BlockEdge implements ParentEdge {
  readonly parent: EdgeParent;
  /** What the parent's reads, writes, zeroes and discards wait for before they reach the edge. */
  limit: RequestLimit | undefined;
  #node: BlockNode;
  #owner: BlockNode | undefined;
  #holds = 0;
  #isClosed = false;
  // Bounded by what the parent has in flight at most, such as the depth of its queue.
  #held: (() => void)[] = [];

  constructor(node: BlockNode, parent: EdgeParent) {
    this.parent = parent;
    this.#node = node;
    node.attach(this);
  }

  get node(): BlockNode {
    return this.#node;
  }

  /**
   * The node whose driver holds the edge, once it is open; `undefined` for a device, a job or an
   * export.
   */
  get owner(): BlockNode | undefined {
    return this.#owner;
  }

  /** Says whose driver holds the edge; {@link BlockNode} does, for the children of its driver. */
  belongTo(owner: BlockNode): void {
    this.#owner = owner;
    for (const drain of this.#node.drains) drain.adopt(this);
  }

  /** The size of the node, in bytes. */
  get size(): number {
    return this.#node.size;
  }

  // Each request is as the node's of the same name, after a drain; its origin is the parent of this
  // edge, unless it was begun further up.

  read(offset: number, into: Uint8Array, origin: EdgeParent = this.parent): Pending {
    if (this.#holds === 0 && !this.limit) return this.#node.read(offset, into, origin);
    return this.#whenAdmitted('read', into.length, () => this.#node.read(offset, into, origin));
  }

  write(
    offset: number,
    from: Uint8Array,
    options?: ChangeOptions,
    origin: EdgeParent = this.parent,
  ): Pending {
    if (this.#holds === 0 && !this.limit) return this.#node.write(offset, from, options, origin);
    const start = () => this.#node.write(offset, from, options, origin);
    return this.#whenAdmitted('write', from.length, start);
  }

  /** As {@link BlockNode.lend}; nothing while reads have to wait here. */
  lend(offset: number, length: number): Loan | undefined {
    if (this.#holds > 0 || this.limit) return undefined;
    return this.#node.lend(offset, length);
  }

  /** As {@link BlockNode.place}; the write may have to wait, and go to another node. */
  place(offset: number, length: number): Uint8Array | undefined {
    return this.#node.place(offset, length);
  }

  writeZeroes(
    offset: number,
    length: number,
    options?: Partial<WriteZeroesOptions> & ChangeOptions,
    origin: EdgeParent = this.parent,
  ): Pending {
    const start = () => this.#node.writeZeroes(offset, length, options, origin);
    return this.#whenAdmitted('write', length, start);
  }

  discard(offset: number, length: number, origin: EdgeParent = this.parent): Pending {
    const start = () => this.#node.discard(offset, length, origin);
    return this.#whenAdmitted('write', length, start);
  }

  flush(origin: EdgeParent = this.parent): Pending {
    return this.#whenLetGo(() => this.#node.flush(origin));
  }

  blockStatus(offset: number, length: number): Pending<BlockExtent> {
    return this.#whenLetGo(() => this.#node.blockStatus(offset, length));
  }

  /** As the node's: a drain waits for all of `work`, which is given the node once let go. */
  asOne<T>(work: (node: BlockNode) => Pending<T>): Pending<T> {
    return this.#whenLetGo(() => this.#node.asOne(() => work(this.#node)));
  }

  resize(size: number): Pending {
    return this.#whenLetGo(() => this.#node.resize(size, this));
  }

  /**
   * Points the edge at another node; only while the node it leaves has nothing of it in flight.
   *
   * @throws {BlockError} `EBUSY` when a parent there excludes this one. Nothing has changed then.
   */
  redirect(node: BlockNode): void {
    this.#node.detach(this);
    try {
      node.attach(this);
    } catch (error) {
      this.#node.attach(this);
      throw error;
    }
    this.#node = node;
  }

  /** As {@link BlockEdge.redirect}, for one who looks after permissions once all is moved. */
  move(node: BlockNode): void {
    this.#node.detach(this);
    node.take(this);
    this.#node = node;
  }

  /** Lets go of the node; the edge is not used again. */
  close(): void {
    assert(this.#held.length === 0, 'an edge closes with no request held back');
    this.#isClosed = true;
    this.#node.detach(this);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  hold(): void {
    this.#holds += 1;
  }

  letGo(): void {
    assert(this.#holds > 0, 'an edge is let go as often as it was held');
    this.#holds -= 1;
    while (this.#holds === 0 && this.#held.length > 0) {
      const held = this.#held;
      this.#held = [];
      // One of them may complete at once, and what follows from that may hold the edge again: the
      // rest then queues up behind it anew.
      for (const start of held) start();
    }
  }

  #whenAdmitted(direction: 'read' | 'write', bytes: number, start: () => Pending): Pending {
    const admitted = this.limit?.admit(direction, bytes);
    if (admitted) return admitted.then(() => this.#whenLetGo(start));
    return this.#whenLetGo(start);
  }

  #whenLetGo<T>(start: () => Pending<T>): Pending<T> {
    if (this.#holds === 0) return start();
    return new Promise((resolve, reject) => {
      this.#held.push(() => {
        try {
          resolve(this.#whenLetGo(start));
        } catch (error) {
          reject(error);
        }
      });
    });
  }
}
