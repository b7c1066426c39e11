import { link, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BlockError } from '../../../src/base/errors.ts';
import { nodeFiles } from '../../../src/env/node-files.ts';
import { Journal, type JournalOptions } from '../../../src/jobs/mirror/journal.ts';
import { BITS_OFFSET } from '../../../src/jobs/mirror/journal-format.ts';
import { hookedFiles } from '../../support/hooked-files.ts';
import { failing, GROUP, K, OPTIONS, reopened, withJournal } from '../../support/journal-rig.ts';
import { deferred, settle, watch } from '../../support/settle.ts';
import { openFilesIn, withFolder } from '../../support/temporary.ts';

describe('ensure()', () => {
  it('waits for one write and one sync when a group is cold, and for nothing when it is hot', () =>
    withJournal(async ({ journal, calls, path }) => {
      const [first, second] = [
        { offset: 5, length: 10 },
        { offset: GROUP - 1, length: 1 },
      ];
      await journal.ensure(first);
      expect(calls).toEqual(['write', 'sync']);
      expect(journal.ensure(second)).toBeUndefined();
      expect(calls).toEqual(['write', 'sync']);
      journal.release(first);
      journal.release(second);
      await journal.close();
      expect([...(await reopened(path)).ranges()]).toEqual([{ offset: 0, length: GROUP }]);
    }));

  it('lets all that wait together share one write and one sync', () =>
    withJournal(async ({ journal, calls }) => {
      const body = () => {};
      const writes = [0, 1, 2, 3, 4].map((index) =>
        journal.writing({ offset: index * GROUP, length: 1 }, body),
      );
      await Promise.all(writes);
      expect(calls).toEqual(['write', 'sync']);
      await journal.close();
    }));

  it('sets the granules of a write alone when no more groups may be hot', () =>
    withJournal(async ({ journal, path }) => {
      for (const group of [0, 1, 5]) {
        await journal.writing({ offset: group * GROUP, length: 1 }, () => {});
      }
      expect(journal.hotGroups).toBe(2);
      await journal.close();
      expect([...(await reopened(path)).ranges()]).toEqual([
        { offset: 0, length: 2 * GROUP },
        { offset: 5 * GROUP, length: 64 * K },
      ]);
    }));

  it('waits for the withdrawal in flight and then for its own write', () =>
    withJournal(async (rig) => {
      const { journal, settling, path } = rig;
      const range = { offset: 0, length: 1 };
      await journal.writing(range, () => {});
      for (let round = 0; round < 5; round += 1) await journal.settle(settling);
      const [began, held] = [deferred(), deferred()];
      rig.hook = ({ operation }) => {
        if (operation !== 'write') return undefined;
        began.resolve();
        return held.promise;
      };
      const settled = journal.settle(settling);
      await began.promise;
      const write = { offset: 7, length: 1 };
      const ensured = watch(() => journal.ensure(write));
      await settle();
      expect(ensured.state).toBe('pending');
      held.resolve();
      expect(await settled).toBe(true);
      while (ensured.state === 'pending') await settle();
      journal.release(write);
      await journal.close();
      expect((await reopened(path)).test(0)).toBe(true);
    }));
});

describe('settle()', () => {
  it('withdraws nothing that a guest wrote during the flush, though it is copied by then', () =>
    withJournal(
      async ({ journal, settling, path }) => {
        await journal.writing({ offset: 0, length: 128 * K }, () => {});
        const flush = () => journal.writing({ offset: 0, length: 1 }, () => {});
        expect(await journal.settle({ ...settling, flush })).toBe(true);
        await journal.close();
        expect([...(await reopened(path)).ranges()]).toEqual([{ offset: 0, length: 64 * K }]);
      },
      { hotMax: 0 },
    ));

  it('keeps what is dirty or claimed, and withdraws nothing when the flush fails', () =>
    withJournal(
      async ({ journal, settling, dirty, path }) => {
        const { granularity } = OPTIONS;
        await journal.writing({ offset: 0, length: 4 * granularity }, () => {});
        dirty.mark(0, 1);
        const claimed = () => [{ offset: granularity, length: 1 }];
        const flush = () => {
          throw new BlockError('EIO', 'flush', 'by design');
        };
        await expect(journal.settle({ ...settling, claimed, flush })).rejects.toThrow('flush');
        expect(journal.recordedBytes).toBe(4 * granularity);
        expect(await journal.settle({ ...settling, claimed })).toBe(true);
        await journal.close();
        const kept = [...(await reopened(path)).ranges()];
        expect(kept).toEqual([{ offset: 0, length: 2 * granularity }]);
      },
      { hotMax: 0 },
    ));

  it('lets groups cool that nobody uses, and keeps one hot in which a write is in flight', () =>
    withJournal(async ({ journal, settling, path }) => {
      const inFlight = { offset: GROUP, length: 1 };
      await journal.writing({ offset: 0, length: 1 }, () => {});
      await journal.ensure(inFlight);
      for (let round = 0; round < 7; round += 1) await journal.settle(settling);
      expect(journal.hotGroups).toBe(1);
      journal.release(inFlight);
      await journal.close();
      expect([...(await reopened(path)).ranges()]).toEqual([{ offset: GROUP, length: GROUP }]);
    }));

  it('flushes nothing when there is nothing to withdraw', () =>
    withJournal(async ({ journal, settling, calls }) => {
      const flush = () => expect.unreachable();
      expect(await journal.settle({ ...settling, flush })).toBe(false);
      expect(calls).toEqual([]);
      await journal.close();
    }));
});

describe('a journal that cannot be written', () => {
  it('is made void, and the guest goes on', () =>
    withJournal(async (rig) => {
      const { journal, path, settling } = rig;
      let failed = false;
      rig.hook = ({ operation }) => {
        if (operation !== 'sync' || failed) return;
        failed = true;
        throw new BlockError('EIO', 'sync', 'by design');
      };
      expect(await journal.writing({ offset: 0, length: 1 }, () => 'written')).toBe('written');
      expect(journal.state).toBe('void');
      expect(journal.failure?.code).toBe('EIO');
      expect(journal.writing({ offset: 9 * GROUP, length: 1 }, () => 'too')).toBe('too');
      await expect(journal.settle(settling)).rejects.toMatchObject({ code: 'EIO' });
      await journal.close(settling);
      const written: number[] = [];
      const files = hookedFiles(nodeFiles, ({ operation, offset }) => {
        if (operation === 'write') written.push(offset);
      });
      const { journal: again, dirty, trusted } = await Journal.open(files, path, OPTIONS);
      expect(trusted).toBe(false);
      // Killed in between, it must not be trusted the next time: the bits come before the header.
      expect(written[0]).toBe(BITS_OFFSET);
      expect(written.at(-1)).toBeLessThan(BITS_OFFSET);
      expect(dirty.dirtyBytes).toBe(OPTIONS.size);
      await again.close();
      expect((await reopened(path)).dirtyBytes).toBe(OPTIONS.size);
    }));

  it('is cut off where its header cannot be written either', () =>
    withJournal(async (rig) => {
      const { journal, path } = rig;
      failing(rig, 'write');
      await journal.writing({ offset: 0, length: 1 }, () => {});
      expect(journal.state).toBe('void');
      expect(rig.calls.slice(-2)).toEqual(['truncate', 'sync']);
      await journal.close();
      expect((await stat(path)).size).toBe(0);
      await expect(Journal.open(nodeFiles, path, OPTIONS)).rejects.toMatchObject({
        code: 'EINVAL',
      });
    }));

  it('is made void by one at a time, and retired only after that', () =>
    withJournal(async (rig) => {
      const voided = deferred();
      let truncations = 0;
      rig.hook = async ({ operation }) => {
        if (operation === 'write') throw new BlockError('ENOSPC', operation, 'by design');
        if (operation !== 'truncate') return;
        truncations += 1;
        await voided.promise;
      };
      const write = watch(() => rig.journal.ensure({ offset: 0, length: 1 }));
      while (truncations === 0) await settle();
      const retired = watch(() => rig.journal.retire('finished'));
      for (let turn = 0; turn < 10; turn += 1) await settle();
      expect([truncations, write.state, retired.state]).toEqual([1, 'pending', 'pending']);
      voided.resolve();
      while (retired.state === 'pending') await settle();
      expect([truncations, write.state, retired.state]).toEqual([2, 'done', 'done']);
    }));

  it('refuses only writes that it lacks bits for while it cannot be made void', () =>
    withJournal(async (rig) => {
      const { journal } = rig;
      await journal.writing({ offset: 0, length: 1 }, () => {});
      failing(rig, 'write', 'truncate');
      const far = { offset: 9 * GROUP, length: 1 };
      const body = () => expect.unreachable();
      await expect(journal.writing(far, body)).rejects.toMatchObject({ code: 'ENOSPC' });
      expect(journal.state).toBe('stuck');
      expect(journal.writing({ offset: 100, length: 1 }, () => 'hot')).toBe('hot');
      rig.hook = () => {};
      expect(await journal.writing(far, () => 'written')).toBe('written');
      expect(journal.state).toBe('void');
      await journal.close();
    }));
});

describe('a journal that is misused', () => {
  it.each([
    { offset: -1, length: 2 },
    { offset: 0, length: -1 },
    { offset: OPTIONS.size, length: 1 },
  ])('does not begin a write of %o, which is not on the disk', (range) =>
    withJournal(async ({ journal }) => {
      expect(() => journal.ensure(range)).toThrow('a write lies within the disk');
      await journal.close();
    }),
  );

  it('lets pass a write of nothing, up to the end of the disk', () =>
    withJournal(async ({ journal, path }) => {
      await journal.writing({ offset: 5, length: 0 }, () => {});
      expect(journal.hotGroups).toBe(0);
      await journal.writing({ offset: OPTIONS.size - 1, length: 1 }, () => {});
      await journal.close();
      const last = { offset: OPTIONS.size - GROUP, length: GROUP };
      expect([...(await reopened(path)).ranges()]).toEqual([last]);
    }));

  it('records nothing from the moment on at which it is closed', () =>
    withJournal(async ({ journal }) => {
      const closed = journal.close();
      expect(() => journal.ensure({ offset: 0, length: 1 })).toThrow('records nothing');
      await closed;
    }));
});

describe('the file of a journal', () => {
  it.each([{ groupLength: 0 }, { groupLength: 1.5 }, { hotMax: -1 }, { hotMax: 0.5 }])(
    'is neither made nor taken up with %o',
    async (wrong) => {
      const options = { ...OPTIONS, ...wrong };
      await expect(Journal.create(nodeFiles, '/', options)).rejects.toThrow(RangeError);
      await expect(Journal.open(nodeFiles, '/', options)).rejects.toThrow(RangeError);
    },
  );

  it('is refused, by the rule it breaks, to a mirror that it does not belong to', () =>
    withJournal(async ({ journal, path }) => {
      await expect(Journal.open(nodeFiles, path, OPTIONS)).rejects.toMatchObject({ code: 'EBUSY' });
      await expect(Journal.remove(nodeFiles, path)).rejects.toMatchObject({ code: 'EBUSY' });
      await journal.close();
      const others: readonly [Partial<JournalOptions>, string][] = [
        [{ sourceId: 'x' }, 'it must belong to the source "x": "source"'],
        [{ targetId: 'x' }, 'it must belong to the target "x": "target"'],
        [{ size: 4096 }, `it must be of disks of the size 4096: ${OPTIONS.size}`],
        [{ granularity: 512 }, 'it must have the granularity 512: 65536'],
      ];
      for (const [other, rule] of others) {
        const opening = Journal.open(nodeFiles, path, { ...OPTIONS, ...other });
        await expect(opening).rejects.toThrow(rule);
      }
      await truncate(path, 8192);
      await expect(Journal.open(nodeFiles, path, OPTIONS)).rejects.toThrow('as long as its bits');
      await writeFile(path, 'not a journal');
      await expect(Journal.open(nodeFiles, path, OPTIONS)).rejects.toThrow('MDJOURNL');
      await expect(Journal.remove(nodeFiles, path)).rejects.toMatchObject({ code: 'EINVAL' });
    }));

  it('calls everything differing at first, and nothing is left of a creation that failed', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'journal');
      const broken = hookedFiles(nodeFiles, ({ operation }) => {
        if (operation === 'sync') throw new BlockError('ENOSPC', 'sync', 'by design');
      });
      await expect(Journal.create(broken, path, OPTIONS)).rejects.toMatchObject({ code: 'ENOSPC' });
      await expect(stat(`${path}.unfinished`)).rejects.toThrow('ENOENT');
      // What a killed process left half made is replaced.
      await writeFile(`${path}.unfinished`, 'half');
      const journal = await Journal.create(nodeFiles, path, OPTIONS);
      await expect(Journal.create(nodeFiles, path, OPTIONS)).rejects.toMatchObject({
        code: 'EEXIST',
      });
      await journal.close();
      expect((await readFile(path)).subarray(8192).every((byte) => byte === 0)).toBe(true);
      expect((await reopened(path)).dirtyBytes).toBe(OPTIONS.size);
      await Journal.remove(nodeFiles, path);
      await Journal.remove(nodeFiles, path);
      expect(openFilesIn(folder) ?? 0).toBe(0);
    }));

  it('is synced only when all of it is written, and has its name only then', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'journal');
      const [reached, written] = [deferred(), deferred()];
      const syncs: boolean[] = [];
      let hasAll = false;
      const slow = hookedFiles(nodeFiles, async ({ operation, offset }) => {
        if (operation === 'sync') syncs.push(hasAll);
        // The second copy of the header is the last to be written.
        if (operation !== 'write' || offset !== 4096) return;
        reached.resolve();
        await written.promise;
      });
      const made = watch(() => Journal.create(slow, path, OPTIONS).then((one) => one.close()));
      await reached.promise;
      await settle();
      await expect(stat(path)).rejects.toThrow('ENOENT');
      hasAll = true;
      written.resolve();
      while (made.state === 'pending') await settle();
      expect(syncs).toEqual([true]);
    }));

  it('that could not be made is removed before another mirror can take it up', () =>
    withFolder(async (folder) => {
      const broken = hookedFiles(nodeFiles, ({ operation }) => {
        if (operation === 'sync') throw new BlockError('ENOSPC', 'sync', 'by design');
      });
      const locks: unknown[] = [];
      const remove = async (path: string) => {
        const found = await nodeFiles.status(path);
        locks.push(found && (await nodeFiles.lock(found)));
        await nodeFiles.remove(path);
      };
      const made = Journal.create({ ...broken, remove }, join(folder, 'journal'), OPTIONS);
      await expect(made).rejects.toMatchObject({ code: 'ENOSPC' });
      expect(locks).toEqual([undefined]);
    }));

  it('is gone once retired, lets guests pass, and would not be trusted if its name came back', () =>
    withJournal(async (rig) => {
      const { journal, path } = rig;
      let bytes = new Uint8Array(0);
      rig.hook = async ({ operation }) => {
        if (operation === 'close') bytes = await readFile(path).catch(() => bytes);
        else if (operation === 'sync') bytes = await readFile(path);
      };
      await journal.retire('finished');
      await expect(stat(path)).rejects.toThrow('ENOENT');
      expect(journal.writing({ offset: 0, length: 1 }, () => 'passed')).toBe('passed');
      await writeFile(path, bytes);
      await expect(Journal.open(nodeFiles, path, OPTIONS)).rejects.toThrow('not finished');
    }));

  it('that is retired is closed after the bits that a guest write asked for meanwhile', () =>
    withJournal(async (rig) => {
      const { journal, calls, path } = rig;
      const [came, held] = [deferred(), deferred()];
      rig.hook = ({ operation, offset }) => {
        calls.push(operation);
        if (operation === 'write' && offset === 0) came.resolve();
        return offset >= 8192 ? held.promise : undefined;
      };
      const retired = watch(() => journal.retire('finished'));
      await came.promise;
      const write = watch(() => journal.ensure({ offset: 0, length: 1 }));
      while (await nodeFiles.status(path)) await settle();
      for (let turn = 0; turn < 10; turn += 1) await settle();
      expect(calls).not.toContain('close');
      held.resolve();
      while (retired.state === 'pending') await settle();
      expect([write.state, calls.at(-1)]).toEqual(['done', 'close']);
    }));

  it('has one name once it is opened, though it was left with two', () =>
    withJournal(async ({ journal, path }) => {
      await journal.close();
      const second = `${path}.unfinished`;
      await link(path, second);
      await reopened(path);
      await expect(stat(second)).rejects.toThrow('ENOENT');
      // What only has the same name belongs to somebody else.
      await writeFile(second, 'half');
      await reopened(path);
      expect(await readFile(second, 'utf8')).toBe('half');
    }));

  it('is exact after an orderly close, and counts how often it was opened', () =>
    withJournal(async ({ journal, dirty, settling, path }) => {
      await journal.writing({ offset: GROUP, length: 1 }, () => dirty.mark(GROUP, 1));
      await journal.close(settling);
      expect([...(await reopened(path)).ranges()]).toEqual([{ offset: GROUP, length: 64 * K }]);
      const { journal: third } = await Journal.open(nodeFiles, path, OPTIONS);
      expect(third.generation).toBe(3);
      await third.close();
    }));
});
