/**
 * What can be done to dirty bitmaps, one by one or several together in a transaction.
 *
 * An action is done at once. It can be undone as long as the transaction may fail, and what could
 * not be undone waits until it cannot fail any more.
 */

import { BlockError } from '../../../base/errors.ts';
import { DirtyBitmap } from '../../../bitmap/dirty-bitmap.ts';
import type { BlockNode } from '../../../block/node.ts';
import type { ObjectType, ValueOf } from '../../../wire/qapi/type.ts';
import type { MonitorContext } from '../../command.ts';
import { dirtyBitmap, dirtyBitmapAdd, dirtyBitmapMerge } from '../../schema/bitmap.ts';
import { findDisk } from '../nodes/find.ts';

/** What is left to be done of an action. */
export interface Done {
  commit?(): void;
  /** Makes everything as it was before the action. */
  abort?(): void;
}

/** An action, as a command and as a part of a transaction. */
export interface BitmapAction {
  readonly summary: string;
  readonly data: ObjectType<unknown>;
  /** @param given What `data` has read. @throws {BlockError} When it cannot be. */
  perform(given: unknown, context: MonitorContext): Done;
}

type BitmapName = ValueOf<typeof dirtyBitmap>;

/** All of them, by name. */
export const BITMAP_ACTIONS: Readonly<Record<string, BitmapAction>> = {
  'block-dirty-bitmap-add': action(
    'Adds a bitmap that marks what changes on a disk',
    dirtyBitmapAdd,
    addBitmap,
  ),
  'block-dirty-bitmap-remove': action('Removes a bitmap', dirtyBitmap, removeBitmap),
  'block-dirty-bitmap-clear': action(
    'Makes everything clean in a bitmap',
    dirtyBitmap,
    clearBitmap,
  ),
  'block-dirty-bitmap-enable': action(
    'Has a bitmap mark what changes from now on',
    dirtyBitmap,
    (given, context) => setRecording(given, context, true),
  ),
  'block-dirty-bitmap-disable': action(
    'Has a bitmap stay as it is now',
    dirtyBitmap,
    (given, context) => setRecording(given, context, false),
  ),
  'block-dirty-bitmap-merge': action(
    'Makes dirty in a bitmap what is dirty in some others',
    dirtyBitmapMerge,
    mergeBitmaps,
  ),
};

function action<Given>(
  summary: string,
  data: ObjectType<Given>,
  perform: (given: Given, context: MonitorContext) => Done,
): BitmapAction {
  // In a table of several the compiler cannot follow which has read it.
  return { summary, data, perform: (given, context) => perform(given as Given, context) };
}

function addBitmap(
  { node: nodeName, name, granularity, persistent, disabled }: ValueOf<typeof dirtyBitmapAdd>,
  context: MonitorContext,
): Done {
  const { bitmaps } = context.machine;
  const node = findDisk(context, { device: nodeName, nodeName });
  if (persistent) {
    const reason = `Can't store persistent bitmaps to ${nodeName}: Operation not supported`;
    throw new BlockError('ENOTSUP', `add the bitmap "${name}"`, reason);
  }
  bitmaps.add(node, { name, granularity, isRecording: !disabled });
  return { abort: () => bitmaps.remove(node, name) };
}

function removeBitmap({ node: nodeName, name }: BitmapName, context: MonitorContext): Done {
  const { bitmaps } = context.machine;
  const node = findNode(context, nodeName);
  const bitmap = bitmaps.claimable(node, name);
  // Until then nobody else is to use it, and its name is not free.
  bitmaps.claim(bitmap);
  return {
    commit: () => {
      bitmaps.giveBack(bitmap);
      bitmaps.remove(node, name);
    },
    abort: () => bitmaps.giveBack(bitmap),
  };
}

function clearBitmap({ node, name }: BitmapName, context: MonitorContext): Done {
  const bitmap = context.machine.bitmaps.claimable(findNode(context, node), name);
  const undo = remember(bitmap);
  bitmap.clearAll();
  return { abort: undo };
}

function mergeBitmaps(
  { node: nodeName, target: targetName, bitmaps: sources }: ValueOf<typeof dirtyBitmapMerge>,
  context: MonitorContext,
): Done {
  const { bitmaps } = context.machine;
  const node = findNode(context, nodeName);
  const target = bitmaps.claimable(node, targetName);
  const merged = new DirtyBitmap(target.size, target.granularity);
  for (const source of sources) {
    const bitmap =
      typeof source === 'string'
        ? bitmaps.claimable(node, source)
        : bitmaps.claimable(findNode(context, source.node), source.name);
    demandSameSize(target, bitmap);
    merged.merge(bitmap);
  }
  const undo = remember(target);
  target.merge(merged);
  return { abort: undo };
}

/** @throws {BlockError} `ENODEV` when there is neither a node nor a device of that name. */
export function findNode({ machine }: MonitorContext, name: string): BlockNode {
  const node = machine.graph.nodes.find((each) => each.name === name);
  const found = node ?? machine.drives.find(name)?.medium;
  if (found) return found;
  throw new BlockError('ENODEV', 'find a node', `Node '${name}' not found`);
}

function setRecording(
  { node: nodeName, name }: BitmapName,
  context: MonitorContext,
  isRecording: boolean,
): Done {
  const node = findNode(context, nodeName);
  const bitmap = context.machine.bitmaps.claimable(node, name);
  const wasRecording = node.bitmaps.has(bitmap);
  const record = (records: boolean) => {
    if (records) node.track(bitmap);
    else node.untrack(bitmap);
  };
  record(isRecording);
  return { abort: () => record(wasRecording) };
}

/** @returns What makes a bitmap as it is now. */
function remember(bitmap: DirtyBitmap): () => void {
  const before = new DirtyBitmap(bitmap.size, bitmap.granularity);
  before.merge(bitmap);
  return () => {
    bitmap.clearAll();
    bitmap.merge(before);
  };
}

function demandSameSize(target: DirtyBitmap, source: DirtyBitmap): void {
  if (target.size === source.size) return;
  const sizes = `destination size is ${target.size}, source size is ${source.size}`;
  const reason = `Bitmaps are of different sizes (${sizes}) and can't be merged`;
  throw new BlockError('EINVAL', 'merge bitmaps', reason);
}
