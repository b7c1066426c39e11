import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BlockError } from '../../../src/base/errors.ts';
import { nodeFiles } from '../../../src/env/node-files.ts';
import { Journal } from '../../../src/jobs/mirror/journal.ts';
import { JournalKeeper } from '../../../src/jobs/mirror/journal-keeper.ts';
import { PairRig } from '../../support/pair-rig.ts';
import { deferred, settle, watch } from '../../support/settle.ts';
import { withFolder } from '../../support/temporary.ts';

const SIZE = 4096;
const OPTIONS = { size: SIZE, granularity: 1024, sourceId: 'source', targetId: 'target' };

interface KeeperRig {
  readonly rig: PairRig;
  readonly path: string;
  readonly journal: Journal;
  readonly keeper: JournalKeeper;
  /** Resolves when no round is under way. */
  readonly quiet: () => Promise<void>;
}

/** A journal that calls everything differing, of two disks of which nothing is dirty. */
function withKeeper(body: (rig: KeeperRig) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    const path = join(folder, 'journal');
    const journal = await Journal.create(nodeFiles, path, OPTIONS);
    const rig = new PairRig({ size: SIZE });
    const { pair, control, clock } = rig;
    const keeper = new JournalKeeper({ journal, pair, control, clock });
    const quiet = async () => {
      while (keeper.isBusy) await settle();
    };
    await body({ rig, path, journal, keeper, quiet });
    await keeper.end('invalid');
  });
}

describe('a round', () => {
  it('withdraws what is the same on both disks, both flushed, and wakes the job', () =>
    withKeeper(async ({ rig, journal, keeper, quiet }) => {
      const sleep = watch(() => rig.control.sleep());
      keeper.tick();
      await quiet();
      await settle();
      expect(journal.recordedBytes).toBe(0);
      expect(rig.sourceDisk.operations).toContain('flush');
      expect(rig.targetDisk.operations).toContain('flush');
      expect(sleep.state).toBe('done');
    }));

  it('begins a second after the one before, or when it is hastened', () =>
    withKeeper(async ({ rig, keeper, quiet }) => {
      keeper.tick();
      await quiet();
      rig.clock.pass(999);
      keeper.tick();
      expect(keeper.isBusy).toBe(false);
      rig.clock.pass(1);
      keeper.tick();
      expect(keeper.isBusy).toBe(true);
      await quiet();
      keeper.hasten();
      expect(keeper.isBusy).toBe(true);
      await quiet();
    }));

  it('does not begin while another is under way, or while the job is to pause', () =>
    withKeeper(async ({ rig, keeper, quiet }) => {
      rig.control.pausing = true;
      keeper.tick();
      expect(keeper.isBusy).toBe(false);
      rig.control.pausing = false;
      let flushes = 0;
      const ended = deferred();
      rig.targetDisk.flush = () => {
        flushes += 1;
        return ended.promise;
      };
      keeper.tick();
      await settle();
      keeper.hasten();
      await settle();
      ended.resolve();
      await quiet();
      expect(flushes).toBe(1);
    }));

  it('does not begin once nothing is recorded any more', () =>
    withKeeper(async ({ journal, keeper }) => {
      await journal.retire('invalid');
      keeper.tick();
      expect(keeper.isBusy).toBe(false);
      await keeper.end('keep');
    }));

  it('withdraws nothing where a disk cannot be flushed, which fails nothing', () =>
    withKeeper(async ({ rig, journal, keeper, quiet }) => {
      rig.sourceDisk.flush = async () => {
        throw new BlockError('EIO', 'flush', 'by design');
      };
      keeper.tick();
      await quiet();
      expect(journal.recordedBytes).toBe(SIZE);
      expect(rig.pair.failure).toBeUndefined();
    }));

  it('fails the job with what is a defect', () =>
    withKeeper(async ({ rig, keeper, quiet }) => {
      const defect = new TypeError('by design');
      rig.targetDisk.flush = async () => {
        throw defect;
      };
      keeper.tick();
      await quiet();
      expect(rig.pair.failure).toBe(defect);
    }));
});

describe('the end', () => {
  it('waits for the round under way, and no other begins', () =>
    withKeeper(async ({ rig, keeper }) => {
      const flushed = deferred();
      rig.targetDisk.flush = () => flushed.promise;
      keeper.tick();
      const end = watch(() => keeper.end('finished'));
      await settle();
      expect(end.state).toBe('pending');
      flushed.resolve();
      while (end.state === 'pending') await settle();
      expect(end.state).toBe('done');
      rig.clock.pass(1000);
      keeper.tick();
      expect(keeper.isBusy).toBe(false);
    }));

  it('leaves an exact journal where it is kept, and none otherwise', () =>
    withKeeper(async ({ keeper, path }) => {
      await keeper.end('keep');
      const { journal, dirty } = await Journal.open(nodeFiles, path, OPTIONS);
      expect(dirty.dirtyBytes).toBe(0);
      const { pair, control, clock } = new PairRig({ size: SIZE });
      await new JournalKeeper({ journal, pair, control, clock }).end('finished');
      await expect(stat(path)).rejects.toThrow('ENOENT');
    }));
});
