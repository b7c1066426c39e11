/** Which disks can be mirrored to which, and what may be replaced by the target: QEMU's rules. */

import { BlockError } from '../../base/errors.ts';
import { isInChain, skipFilters } from '../../block/allocation.ts';
import type { BlockNode } from '../../block/node.ts';
import { type MirrorSettings, refusal } from './options.ts';

export interface MirrorEnds {
  readonly source: BlockNode;
  readonly target: BlockNode;
}

/** @throws {BlockError} `EBUSY` when another job is at work on one of the two. */
export function checkFree({ source, target }: MirrorEnds): void {
  demandFree(source);
  demandFree(target);
}

/** @throws {BlockError} `EINVAL` for two disks of which one is, or is based on, the other. */
export function checkEnds({ source, target }: MirrorEnds): void {
  const [from, to] = [skipFilters(source), skipFilters(target)];
  if (from === to) throw refusal("Can't mirror node into itself");
  if (isInChain(to, from)) {
    throw refusal(
      target === to
        ? `Cannot mirror '${source.name}' to '${target.name}': it is in the source's backing chain`
        : "Cannot mirror to a filter on top of a node in the source's backing chain",
    );
  }
  if (isInChain(from, to)) {
    throw refusal(`Cannot mirror '${source.name}' to '${target.name}', which is based on it`);
  }
}

/** @throws {BlockError} `EBUSY` for a disk that a job is at work on. */
export function demandFree(node: BlockNode): void {
  const isInUse = [...node.parents].some(({ parent }) => parent.kind === 'job');
  if (isInUse) throw busy(node, 'block device is in use by block job: mirror');
}

/**
 * @throws {BlockError} `EBUSY` when a job is at work on it, `EINVAL` for a node of another size, or
 *   one of which it is not certain that it shows the same bytes as the source.
 */
export function checkReplaced(replaced: BlockNode, { source }: MirrorEnds): void {
  demandFree(replaced);
  if (!isSeenThrough(replaced, source) && !isSeenThrough(source, replaced)) {
    const names = `Cannot replace '${replaced.name}' by a node mirrored from '${source.name}'`;
    const reason = 'because it cannot be guaranteed that doing so would not lead to';
    throw refusal(`${names}, ${reason} an abrupt change of visible data`);
  }
  if (replaced.size !== source.size) {
    throw refusal('cannot replace image with a mirror image of different size');
  }
}

/** Whether a node is another one, or a filter over it. */
function isSeenThrough(top: BlockNode, below: BlockNode): boolean {
  for (let node: BlockNode | undefined = top; node; node = node.filtered) {
    if (node === below) return true;
  }
  return false;
}

/**
 * A backing shows through where the target has nothing allocated, which it has to know.
 *
 * @throws {BlockError} `EINVAL` for a target that cannot be given a backing at the end.
 */
export function checkBacking(target: BlockNode, { sync, targetBacking }: MirrorSettings): void {
  if (targetBacking === 'keep' || sync === 'full' || target.clusterSize !== undefined) return;
  throw refusal(`Cannot give '${target.name}' a backing: it does not know what it has allocated`);
}

/** The error of a target of another size, which ends the job rather than refusing it. */
export function sizesDiffer({ source, target }: MirrorEnds): BlockError {
  const description = 'Source and target image have different sizes';
  const reason = `${description}: ${source.size} and ${target.size}`;
  const action = `mirror "${source.name}" to "${target.name}"`;
  return new BlockError('EINVAL', action, reason, { description });
}

/** The error of a disk that somebody uses. */
export function busy(node: BlockNode, reason: string): BlockError {
  return new BlockError('EBUSY', 'start the mirror', `Node '${node.name}' is busy: ${reason}`);
}
