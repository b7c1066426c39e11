import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { BlockError } from '../../../src/base/errors.ts';
import { DirtyBitmap } from '../../../src/bitmap/dirty-bitmap.ts';
import { nodeFiles } from '../../../src/env/node-files.ts';
import { JournalFile } from '../../../src/jobs/mirror/journal-file.ts';
import { BITS_OFFSET, BLOCK_LENGTH } from '../../../src/jobs/mirror/journal-format.ts';
import { hookedFiles } from '../../support/hooked-files.ts';
import { withFolder } from '../../support/temporary.ts';

const IDENTITY = { size: 4096, granularity: 512, sourceId: 'source', targetId: 'target' };

it.each([0, BLOCK_LENGTH])('a file is void by one header where the one at %i fails', (broken) =>
  withFolder(async (folder) => {
    const path = join(folder, 'journal');
    let isMade = false;
    const files = hookedFiles(nodeFiles, ({ operation, offset }) => {
      const fails = isMade && operation === 'write' && offset === broken;
      if (fails) throw new BlockError('EIO', 'write', 'by design');
    });
    const clean = new DirtyBitmap(IDENTITY.size, IDENTITY.granularity);
    const file = await JournalFile.create(files, path, IDENTITY, clean);
    isMade = true;
    await file.voidByAnyMeans('finished');
    await file.close();
    expect((await stat(path)).size).toBe(BITS_OFFSET + BLOCK_LENGTH);
    const again = JournalFile.open(nodeFiles, path, IDENTITY);
    await expect(again).rejects.toThrow('it must be of a mirror that has not finished');
  }),
);

it.each([0, BLOCK_LENGTH, BITS_OFFSET])(
  'none is left where its first write at %i fails',
  (broken) =>
    withFolder(async (folder) => {
      const files = hookedFiles(nodeFiles, ({ operation, offset }) => {
        const fails = operation === 'write' && offset === broken;
        if (fails) throw new BlockError('ENOSPC', 'write', 'by design');
      });
      const dirty = new DirtyBitmap(IDENTITY.size, IDENTITY.granularity);
      dirty.markAll();
      const making = JournalFile.create(files, join(folder, 'journal'), IDENTITY, dirty);
      await expect(making).rejects.toMatchObject({ code: 'ENOSPC' });
      expect(await readdir(folder)).toEqual([]);
    }),
);

it.each([0, BLOCK_LENGTH])(
  'one is known, and removed, though its header at %i is damaged',
  (broken) =>
    withFolder(async (folder) => {
      const path = join(folder, 'journal');
      const clean = new DirtyBitmap(IDENTITY.size, IDENTITY.granularity);
      const journal = await JournalFile.create(nodeFiles, path, IDENTITY, clean);
      await journal.close();
      const file = await open(path, 'r+');
      await file.write(new Uint8Array(BLOCK_LENGTH), 0, BLOCK_LENGTH, broken);
      await file.close();
      await JournalFile.remove(nodeFiles, path);
      expect(await readdir(folder)).toEqual([]);
    }),
);
