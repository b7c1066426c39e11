/** Where rounds of cooling stop and go on, and what they keep whatever they are told. */

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DirtyBitmap } from '../../../src/bitmap/dirty-bitmap.ts';
import { nodeFiles } from '../../../src/env/node-files.ts';
import { Journal } from '../../../src/jobs/mirror/journal.ts';
import { GROUP, OPTIONS, reopened, withJournal } from '../../support/journal-rig.ts';
import { deferred } from '../../support/settle.ts';
import { withFolder } from '../../support/temporary.ts';

describe('a round', () => {
  it('goes on where the one before had to stop, and from the end of the disk at its start', () => {
    // The bytes of disk that a block of bits stands for; a round withdraws those of 256 blocks.
    const span = 4096 * 8 * 512;
    const options = { ...OPTIONS, size: 300 * span, granularity: 512, hotMax: 0 };
    return withFolder(async (folder) => {
      const journal = await Journal.create(nodeFiles, join(folder, 'journal'), options);
      const dirty = new DirtyBitmap(options.size, options.granularity);
      const settling = { dirty, claimed: () => [], flush: () => {} };
      await journal.settle(settling);
      expect(journal.recordedBytes).toBe(44 * span);
      await journal.writing({ offset: 0, length: 1 }, () => {});
      await journal.settle(settling);
      expect(journal.recordedBytes).toBe(0);
      await journal.close();
    });
  });

  it('keeps what became dirty during the flush, though nobody had announced it', () =>
    withJournal(
      async ({ journal, dirty, settling, path }) => {
        const { granularity } = OPTIONS;
        await journal.writing({ offset: 0, length: 10 * granularity }, () => {});
        const runs = [1, 4, 9].map((first) => ({ offset: first * granularity, length: 1 }));
        const flush = () => {
          for (const { offset, length } of runs) dirty.mark(offset, length);
        };
        await journal.settle({ ...settling, flush });
        await journal.close();
        expect([...(await reopened(path)).ranges()]).toEqual([...dirty.ranges()]);
      },
      { hotMax: 0 },
    ));
});

describe('a round that is a mistake', () => {
  it('is one that begins while another is under way', () =>
    withJournal(async ({ journal, settling }) => {
      await journal.writing({ offset: 0, length: 1 }, () => {});
      const flush = async () => {
        await expect(journal.settle(settling)).rejects.toThrow('one round of cooling at a time');
      };
      await journal.close({ ...settling, flush });
      expect.assertions(2);
    }));

  it.each([
    new DirtyBitmap(OPTIONS.size, 2 * OPTIONS.granularity),
    new DirtyBitmap(2 * OPTIONS.size, OPTIONS.granularity),
  ])('is one by other granules, of $granularity bytes of $size', (dirty) =>
    withJournal(async ({ journal, settling }) => {
      await expect(journal.settle({ ...settling, dirty })).rejects.toThrow('the same granules');
      await journal.close();
    }),
  );
});

it('a write is in flight until its body has ended, however it ends', () =>
  withJournal(async ({ journal }) => {
    const range = { offset: 0, length: 0 };
    const defect = new TypeError('by design');
    const fail = () => {
      throw defect;
    };
    expect(() => journal.writing(range, fail)).toThrow(defect);
    const body = deferred();
    const written = journal.writing(range, () => body.promise);
    await expect(journal.close()).rejects.toThrow('no guest write in flight');
    body.resolve();
    await written;
    await journal.close();
  }));

describe('a journal of which nothing else is said', () => {
  it('keeps 64 groups of 4 MiB hot', () =>
    withFolder(async (folder) => {
      const { size, granularity, sourceId, targetId } = OPTIONS;
      const identity = { size, granularity, sourceId, targetId };
      const path = join(folder, 'journal');
      const clean = new DirtyBitmap(size, granularity);
      const journal = await Journal.create(nodeFiles, path, identity, clean);
      for (let group = 0; group < 66; group += 1) {
        await journal.writing({ offset: 2 * group * GROUP, length: 1 }, () => {});
      }
      expect(journal.hotGroups).toBe(64);
      expect(journal.recordedBytes).toBe(64 * GROUP + 2 * granularity);
      await journal.close();
    }));
});

it('groups of a journal are whole granules, however short they are to be', () =>
  withJournal(
    async ({ journal }) => {
      await journal.writing({ offset: 0, length: 1 }, () => {});
      expect(journal.hotGroups).toBe(1);
      expect(journal.recordedBytes).toBe(OPTIONS.granularity);
      await journal.close();
    },
    { groupLength: 1 },
  ));
