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
import type { BlockExtent, WriteOptions, WriteZeroesOptions } from './driver.ts';
import type { BlockNode, ParentEdge } from './node.ts';

/** Who holds an edge. */
export interface EdgeParent {
  /** The name of the device, job, export or node. */
  readonly name: string;
  /** The edge keeps its node when that is replaced: a job goes on with the disk it began with. */
  readonly stays?: boolean;
}

export class BlockEdge implements ParentEdge {
  readonly parent: EdgeParent;
  #node: BlockNode;
  #owner: BlockNode | undefined;
  #holds = 0;
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

  /** As {@link BlockNode.read}, after a drain. */
  read(offset: number, into: Uint8Array): Pending {
    if (this.#holds > 0) return this.#whenLetGo(() => this.#node.read(offset, into));
    return this.#node.read(offset, into);
  }

  /** As {@link BlockNode.write}, after a drain. */
  write(offset: number, from: Uint8Array, options?: WriteOptions): Pending {
    if (this.#holds > 0) return this.#whenLetGo(() => this.#node.write(offset, from, options));
    return this.#node.write(offset, from, options);
  }

  /** As {@link BlockNode.writeZeroes}, after a drain. */
  writeZeroes(offset: number, length: number, options?: Partial<WriteZeroesOptions>): Pending {
    return this.#whenLetGo(() => this.#node.writeZeroes(offset, length, options));
  }

  /** As {@link BlockNode.discard}, after a drain. */
  discard(offset: number, length: number): Pending {
    return this.#whenLetGo(() => this.#node.discard(offset, length));
  }

  /** As {@link BlockNode.flush}, after a drain. */
  flush(): Pending {
    return this.#whenLetGo(() => this.#node.flush());
  }

  /** As {@link BlockNode.blockStatus}, after a drain. */
  blockStatus(offset: number, length: number): Pending<BlockExtent> {
    return this.#whenLetGo(() => this.#node.blockStatus(offset, length));
  }

  /** As {@link BlockNode.resize}, after a drain. */
  resize(size: number): Pending {
    return this.#whenLetGo(() => this.#node.resize(size));
  }

  /** Points the edge at another node; only while the node it leaves has nothing of it in flight. */
  redirect(node: BlockNode): void {
    this.#node.detach(this);
    this.#node = node;
    node.attach(this);
  }

  /** Lets go of the node; the edge is not used again. */
  close(): void {
    assert(this.#held.length === 0, 'an edge closes with no request held back');
    this.#node.detach(this);
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
