/** A journal of a disk in a folder of its own, with a hand on each call to its file. */

import { join } from 'node:path';
import { expect } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { DirtyBitmap } from '../../src/bitmap/dirty-bitmap.ts';
import { nodeFiles } from '../../src/env/node-files.ts';
import { Journal, type JournalOptions } from '../../src/jobs/mirror/journal.ts';
import { type FileCall, hookedFiles } from './hooked-files.ts';
import { openFilesIn, withFolder } from './temporary.ts';

/** A kibibyte. */
export const K = 1024;
/** What it is made with, where a test says nothing else. */
export const OPTIONS: JournalOptions = {
  size: 1024 * K * K,
  granularity: 64 * K,
  sourceId: 'source',
  targetId: 'target',
  groupLength: 4096 * K,
  hotMax: 2,
};
/** The bytes that become hot together. */
export const GROUP = 4096 * K;

/** A journal of a clean disk, whose file calls go through `hook`. */
export async function withJournal(
  body: (rig: JournalRig) => Promise<void>,
  options: Partial<JournalOptions> = {},
): Promise<void> {
  await withFolder(async (folder) => {
    const path = join(folder, 'journal');
    const rig: { hook: (call: FileCall) => unknown } = { hook: () => {} };
    const files = hookedFiles(nodeFiles, (call) => rig.hook(call));
    const all = { ...OPTIONS, ...options };
    const dirty = new DirtyBitmap(all.size, all.granularity);
    const journal = await Journal.create(files, path, all, dirty);
    const calls: string[] = [];
    rig.hook = ({ operation }) => calls.push(operation);
    const flush = () => {};
    const settling = { dirty, claimed: () => [], flush };
    await body(Object.assign(rig, { folder, path, journal, dirty, calls, settling }));
    expect(openFilesIn(folder) ?? 0).toBe(0);
  });
}

/** What a test of a journal has in hand. */
export interface JournalRig {
  hook: (call: FileCall) => unknown;
  readonly folder: string;
  readonly path: string;
  readonly journal: Journal;
  readonly dirty: DirtyBitmap;
  readonly calls: string[];
  readonly settling: Parameters<Journal['settle']>[0];
}

/** What a later mirror would copy. */
export async function reopened(path: string, options = OPTIONS): Promise<DirtyBitmap> {
  const { journal, dirty, trusted } = await Journal.open(nodeFiles, path, options);
  expect(trusted).toBe(true);
  await journal.close();
  return dirty;
}

/** Lets the calls of a kind fail, for want of room. */
export function failing(rig: JournalRig, ...operations: readonly string[]): void {
  rig.hook = ({ operation }) => {
    rig.calls.push(operation);
    if (operations.includes(operation)) throw new BlockError('ENOSPC', operation, 'by design');
  };
}
