/**
 * Who stands on a node: devices, jobs, exports, and the drivers of other nodes.
 *
 * A parent holds one edge or several. What it is called, what it does and what it lets others do is
 * the parent's; where it leads, and whether it is held back, is the edge's.
 */

import type { BlockNode } from './node.ts';

/** What a parent may do with a node, and let others do: QEMU's permissions. */
export type Permission = 'consistent-read' | 'write' | 'write-unchanged' | 'resize';

/**
 * A parent that comes to rest by itself during a drain, rather than being held at its edges: one
 * whose requests depend on one another, as a copy's write does on its read.
 */
export interface RestingParent {
  /** Begins no more; called as often as there are drains. */
  beginRest(): void;
  endRest(): void;
  /** Nothing of it is in flight, and nothing will be until it may go on. */
  readonly isResting: boolean;
  whenResting(): Promise<void>;
}

/** Who holds an edge, and so is the origin of the requests on it. */
export interface EdgeParent {
  /** The name of the device, job, export or node. */
  readonly name: string;
  /** @default 'node' */
  readonly kind?: 'device' | 'job' | 'export' | 'node';
  /** What the node is to the parent, such as `file`. @default 'root' */
  readonly role?: string;
  /** The edge keeps its node when that is replaced: a job goes on with the disk it began with. */
  readonly stays?: boolean;
  readonly rest?: RestingParent;
  /** Told, on each edge that leads there, that a disk below has lost power. */
  powerLost?(): void;
  /** What it does; a node does what is done with it. @default Nothing that others could mind. */
  readonly needs?: readonly Permission[];
  /** What it lets the node's other parents do; a node what its own parents do. @default All. */
  readonly shares?: readonly Permission[];
}

/** An edge as the node under it sees it. */
export interface ParentEdge {
  readonly parent: EdgeParent;
  /** Set when the parent is a node, whose own parents a drain has to hold back. */
  readonly owner: BlockNode | undefined;
  /** Holds back the parent's requests, as often as this is called. */
  hold(): void;
  letGo(): void;
  redirect(node: BlockNode): void;
}

/** A drain as the nodes in it see it. */
export interface ActiveDrain {
  /** Takes in an edge that has come to a drained node, or whose owner is open now. */
  adopt(edge: ParentEdge): void;
}
