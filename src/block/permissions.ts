/**
 * Who may do what to a node at the same time: QEMU's permissions.
 *
 * Each parent says what it needs and what it lets others do. Two parents of a node exclude each
 * other when one needs what the other does not share. A node needs below what is needed of it, and
 * shares there what all of its own parents share; so a parent has its say on all that is under it.
 * Of a backing it only reads.
 */

import { BlockError, type BlockErrorCode } from '../base/errors.ts';
import type { BlockNode } from './node.ts';
import type { EdgeParent, ParentEdge, Permission } from './parent.ts';

/** What a parent does with a node. */
export interface NodeUse {
  readonly needs: readonly Permission[];
  readonly shares: readonly Permission[];
}

/** By the words that errors have for them. */
const WORDS: Readonly<Record<Permission, string>> = {
  'consistent-read': 'consistent read',
  write: 'write',
  'write-unchanged': 'write unchanged',
  resize: 'resize',
};

/** All there are, in QEMU's order. */
export const PERMISSIONS: readonly Permission[] = [
  'consistent-read',
  'write',
  'write-unchanged',
  'resize',
];

/** All but one: what those let others do who rely on the size of the disk. */
export const NOT_RESIZING: readonly Permission[] = PERMISSIONS.filter((each) => each !== 'resize');

/** What the parent at an edge does with the node there. */
export function useOf({ parent, owner }: ParentEdge): NodeUse {
  // What a mirror's filter does to the target, its job has leave to do.
  if (!owner || parent.role === 'target') {
    return { needs: parent.needs ?? [], shares: parent.shares ?? PERMISSIONS };
  }
  const uses = [...owner.parents].map(useOf);
  const needed = PERMISSIONS.filter((each) => uses.some(({ needs }) => needs.includes(each)));
  const shared = PERMISSIONS.filter(
    (each) =>
      !(each === 'resize' && owner.traits.keepsSize) &&
      uses.every(({ shares }) => shares.includes(each)),
  );
  if (parent.role !== 'backing' || owner.filtered) return { needs: needed, shares: shared };
  const others = NOT_RESIZING.filter((each) => each !== 'write');
  return {
    needs: needed.filter((each) => each === 'consistent-read'),
    shares: shared.includes('write') ? PERMISSIONS : others,
  };
}

/**
 * Makes an edge one of a node's parents.
 *
 * @throws {BlockError} `EBUSY` when that of the edge and another one, perhaps of a node below,
 *   exclude each other.
 */
export function admit(node: BlockNode, edge: ParentEdge): void {
  node.parents.add(edge);
  try {
    demandCompatible(node);
  } catch (error) {
    node.parents.delete(edge);
    throw error;
  }
}

/** @throws {BlockError} `EBUSY` when parents of the node, or of one below, exclude each other. */
export function demandCompatible(node: BlockNode): void {
  demandNoConflict(node);
  for (const child of node.children) demandCompatible(child);
}

/**
 * Looks again at nodes that are about to change, or have other parents now.
 *
 * @param isReadOnly What they will be.
 * @throws {BlockError} `EBUSY` as {@link demandCompatible}, but for nodes below; `EPERM` when a
 *   parent writes to one that is read-only.
 */
export function demandPermitted(
  nodes: Iterable<BlockNode>,
  isReadOnly: (node: BlockNode) => boolean,
): void {
  for (const node of nodes) {
    demandNoConflict(node);
    const needs = [...node.parents].flatMap((edge) => useOf(edge).needs);
    const isWritten = needs.some((each) => each === 'write' || each === 'write-unchanged');
    if (!isWritten || !isReadOnly(node)) continue;
    const reason = node.options.readOnly
      ? 'Block node is read-only'
      : `Read-only block node '${node.name}' cannot support read-write users`;
    throw new BlockError('EPERM', `use "${node.name}"`, reason);
  }
}

/** @throws {BlockError} `EBUSY` when parents of the node exclude each other. */
function demandNoConflict(node: BlockNode): void {
  const newestFirst = [...node.parents].reverse();
  for (const edge of newestFirst) {
    const { shares } = useOf(edge);
    for (const other of newestFirst) {
      if (other === edge) continue;
      const refused = useOf(other).needs.filter((each) => !shares.includes(each));
      if (refused.length > 0) throw conflict(node, other.parent, edge.parent, refused);
    }
  }
}

/** A new size for a node. */
export interface SizeChange {
  /** Bytes. */
  readonly size: number;
  /** By which the size is changed. @default By somebody who does not stand on the node */
  readonly by?: ParentEdge | undefined;
}

/**
 * @param canResize Whether the driver of the node can.
 * @throws {BlockError} As {@link BlockNode.resize}.
 */
export function demandResizable(node: BlockNode, change: SizeChange, canResize: boolean): void {
  const { size } = change;
  const refuse = (code: BlockErrorCode, reason: string) =>
    new BlockError(code, `resize "${node.name}" to ${size} bytes`, reason);
  if (!Number.isSafeInteger(size) || size < 0) {
    throw refuse('EINVAL', 'a size must be a whole number from 0 to 2^53 - 1');
  }
  demandSizeShared(node, (edge) => edge === change.by, change.by?.parent);
  if (!canResize) throw refuse('ENOTSUP', 'Image format driver does not support resize');
  if (node.options.readOnly) throw refuse('EPERM', 'Image is read-only');
  demandUntracked(node, size);
}

/**
 * @param isAside Whether a parent is to be passed over.
 * @throws {BlockError} `EBUSY` when a parent of the node relies on its size, or a bitmap tracks it.
 */
export function demandSizeFree(
  node: BlockNode,
  size: number,
  isAside: (edge: ParentEdge) => boolean,
): void {
  demandSizeShared(node, isAside);
  demandUntracked(node, size);
}

function demandSizeShared(
  node: BlockNode,
  isAside: (edge: ParentEdge) => boolean,
  by: EdgeParent = { name: '', kind: 'export' },
): void {
  const others = [...node.parents].filter((edge) => !isAside(edge));
  const keeper = others.find((edge) => !useOf(edge).shares.includes('resize'));
  if (keeper) throw conflict(node, by, keeper.parent, ['resize']);
}

function demandUntracked(node: BlockNode, size: number): void {
  if (node.bitmaps.size === 0) return;
  const reason = 'a dirty bitmap tracks the disk at its present size';
  throw new BlockError('EBUSY', `resize "${node.name}" to ${size} bytes`, reason);
}

/** The error of a parent that needs what another one does not share, in QEMU's words. */
function conflict(
  { name }: BlockNode,
  parent: EdgeParent,
  other: EdgeParent,
  refused: readonly Permission[],
): BlockError {
  const words = refused.map((each) => WORDS[each]).join(', ');
  const describe = (user: EdgeParent) =>
    `${userOf(user)} (uses node '${name}' as '${user.role ?? 'root'}' child)`;
  const both = `permissions '${words}' are both required by ${describe(parent)}`;
  const reason = `Permission conflict on node '${name}': ${both} and unshared by`;
  return new BlockError('EBUSY', `use "${name}"`, `${reason} ${describe(other)}.`);
}

function userOf({ name, kind = 'node', role }: EdgeParent): string {
  if (kind === 'device') return `block device '${name}'`;
  if (kind === 'node') return `node '${name}'`;
  return kind === 'job' && role !== undefined ? `mirror job '${name}'` : 'an unnamed block device';
}
