import { closeSync, constants, openSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { countDiskReads, readsAreCounted, storageIsCounted } from '../../src/env/node-accounts.ts';
import { nodeFiles } from '../../src/env/node-files.ts';
import { withFolder } from '../support/temporary.ts';

const LENGTH = 65_536;

/** @returns How many blocks of a disk it took to read the file. */
function readsFor(path: string, flags: number): number {
  const before = countDiskReads();
  const descriptor = openSync(path, constants.O_RDONLY | flags);
  readSync(descriptor, nodeFiles.directBuffer(LENGTH), 0, LENGTH, 0);
  closeSync(descriptor);
  return countDiskReads() - before;
}

/** File systems in memory read no disk, and some of them have no O_DIRECT. */
function hasDisk(path: string): boolean {
  try {
    return readsFor(path, constants.O_DIRECT) >= 0;
  } catch {
    return false;
  }
}

describe.runIf(process.platform === 'linux')('what the kernel keeps account of', () => {
  it('takes the word of no file system that counts nothing', async () => {
    expect(await storageIsCounted('/proc/self/io')).toBe(false);
    expect(await readsAreCounted('/proc/self/io')).toBe(false);
  });

  it('takes nothing to be counted of what is not there', async () => {
    expect(await storageIsCounted('/proc/self/missing')).toBe(false);
  });

  it('counts what goes to a disk, and not what the page cache has', ({ skip }) =>
    withFolder(async (folder) => {
      const path = join(folder, 'file');
      writeFileSync(path, new Uint8Array(LENGTH).fill(7));
      if (!(await readsAreCounted(path)) || !hasDisk(path)) skip();
      expect(readsFor(path, constants.O_DIRECT)).toBeGreaterThan(0);
      readsFor(path, 0);
      expect(readsFor(path, 0)).toBe(0);
    }));
});
