import { link, open, readdir, readFile, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BlockError } from '../../../src/base/errors.ts';
import { DirtyBitmap } from '../../../src/bitmap/dirty-bitmap.ts';
import type { FileLock } from '../../../src/env/files.ts';
import { nodeFiles } from '../../../src/env/node-files.ts';
import { JournalFile } from '../../../src/jobs/mirror/journal-file.ts';
import {
  BITS_OFFSET,
  BLOCK_LENGTH,
  decodeHeader,
} from '../../../src/jobs/mirror/journal-format.ts';
import { hookedFiles } from '../../support/hooked-files.ts';
import { withFolder } from '../../support/temporary.ts';

const IDENTITY = { size: 4096, granularity: 512, sourceId: 'source', targetId: 'target' };

/** The bits of disks that are the same. */
function clean(): DirtyBitmap {
  return new DirtyBitmap(IDENTITY.size, IDENTITY.granularity);
}

it.each([0, BLOCK_LENGTH])('a file is void by one header where the one at %i fails', (broken) =>
  withFolder(async (folder) => {
    const path = join(folder, 'journal');
    let isBroken = false;
    const files = hookedFiles(nodeFiles, ({ operation, offset }) => {
      const fails = isBroken && operation === 'write' && offset === broken;
      if (fails) throw new BlockError('EIO', 'write', 'by design');
    });
    const file = await JournalFile.create(files, path, IDENTITY, clean());
    await file.beginGeneration();
    // What is said last holds, also of a file that is void already.
    await file.voidByAnyMeans('invalid');
    isBroken = true;
    await file.voidByAnyMeans('finished');
    await file.close();
    expect((await stat(path)).size).toBe(BITS_OFFSET + BLOCK_LENGTH);
    const again = JournalFile.open(nodeFiles, path, IDENTITY);
    await expect(again).rejects.toThrow('it must be of a mirror that has not finished');
  }),
);

it('a file has the same header twice, of which one is durable before the other is written', () =>
  withFolder(async (folder) => {
    const path = join(folder, 'journal');
    const calls: string[] = [];
    const files = hookedFiles(nodeFiles, ({ operation, offset }) => {
      calls.push(`${operation} ${offset}`);
    });
    const file = await JournalFile.create(files, path, IDENTITY, clean());
    const changes = [
      { state: 'tracking', generation: 2, change: () => file.beginGeneration() },
      { state: 'invalid', generation: 3, change: () => file.voidByAnyMeans('invalid') },
    ];
    for (const { change, ...said } of changes) {
      calls.length = 0;
      await change();
      expect(calls).toEqual(['write 0', 'sync 0', `write ${BLOCK_LENGTH}`, 'sync 0']);
      const bytes = await readFile(path);
      const headers = [0, BLOCK_LENGTH].map((at) => decodeHeader(bytes.subarray(at)));
      expect(headers[0]).toEqual({ ...IDENTITY, ...said });
      expect(headers[1]).toEqual(headers[0]);
    }
    await file.close();
  }));

it('a file is cut off for what its disk has failed with, not for a defect', () =>
  withFolder(async (folder) => {
    const path = join(folder, 'journal');
    const defect = new TypeError('by design');
    let isMade = false;
    const files = hookedFiles(nodeFiles, ({ operation }) => {
      if (isMade && operation === 'write') throw defect;
    });
    const file = await JournalFile.create(files, path, IDENTITY, clean());
    isMade = true;
    await expect(file.voidByAnyMeans('invalid')).rejects.toBe(defect);
    await file.close();
    expect((await stat(path)).size).toBe(BITS_OFFSET + BLOCK_LENGTH);
  }));

it.each([0, BLOCK_LENGTH, BITS_OFFSET])(
  'none is left where its first write at %i fails',
  (broken) =>
    withFolder(async (folder) => {
      const files = hookedFiles(nodeFiles, ({ operation, offset }) => {
        const fails = operation === 'write' && offset === broken;
        if (fails) throw new BlockError('ENOSPC', 'write', 'by design');
      });
      const dirty = clean();
      dirty.markAll();
      const making = JournalFile.create(files, join(folder, 'journal'), IDENTITY, dirty);
      await expect(making).rejects.toMatchObject({ code: 'ENOSPC' });
      expect(await readdir(folder)).toEqual([]);
    }),
);

it('one that another mirror is making is left alone', () =>
  withFolder(async (folder) => {
    const unfinished = join(folder, 'journal.unfinished');
    let lock: FileLock | undefined;
    // The other comes first just when this one is about to take the file.
    const files = hookedFiles(nodeFiles, async ({ operation }) => {
      const found = operation === 'lock' && (await nodeFiles.status(unfinished));
      if (found) lock = await nodeFiles.lock(found);
    });
    const making = JournalFile.create(files, join(folder, 'journal'), IDENTITY, clean());
    await expect(making).rejects.toMatchObject({ code: 'EBUSY' });
    expect((await stat(unfinished)).size).toBe(0);
    await lock?.release();
  }));

it('one of other disks is refused as it is, with both its names', () =>
  withFolder(async (folder) => {
    const path = join(folder, 'journal');
    const file = await JournalFile.create(nodeFiles, path, IDENTITY, clean());
    await file.close();
    await link(path, `${path}.unfinished`);
    const opening = JournalFile.open(nodeFiles, path, { ...IDENTITY, sourceId: 'another' });
    await expect(opening).rejects.toMatchObject({ code: 'EINVAL' });
    expect(await readdir(folder)).toEqual(['journal', 'journal.unfinished']);
  }));

describe('the bits of a large disk', () => {
  /** The bytes of disk whose bits are read at once. */
  const span = 64 * BLOCK_LENGTH * 8 * 512;
  const identity = { ...IDENTITY, size: 2.5 * span };

  it('are read as they were written, wherever they lie', () =>
    withFolder(async (folder) => {
      const dirty = new DirtyBitmap(identity.size, identity.granularity);
      for (const offset of [span - 512, 2 * span, identity.size - 512]) dirty.mark(offset, 512);
      const file = await JournalFile.create(nodeFiles, join(folder, 'journal'), identity, dirty);
      expect([...(await file.readBits()).ranges()]).toEqual([...dirty.ranges()]);
      await file.close();
    }));

  it('may all differ that somebody has cut off', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'journal');
      const same = new DirtyBitmap(identity.size, identity.granularity);
      const file = await JournalFile.create(nodeFiles, path, identity, same);
      await truncate(path, BITS_OFFSET + 65 * BLOCK_LENGTH);
      const from = (65 / 64) * span;
      const rest = { offset: from, length: identity.size - from };
      expect([...(await file.readBits()).ranges()]).toEqual([rest]);
      await file.close();
    }));
});

it.each([0, BLOCK_LENGTH])(
  'one is known, and removed, though its header at %i is damaged',
  (broken) =>
    withFolder(async (folder) => {
      const path = join(folder, 'journal');
      const journal = await JournalFile.create(nodeFiles, path, IDENTITY, clean());
      await journal.close();
      const file = await open(path, 'r+');
      await file.write(new Uint8Array(BLOCK_LENGTH), 0, BLOCK_LENGTH, broken);
      await file.close();
      await JournalFile.remove(nodeFiles, path);
      expect(await readdir(folder)).toEqual([]);
    }),
);
