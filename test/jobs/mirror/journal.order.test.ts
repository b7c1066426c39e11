/**
 * The calls of a journal to its file, of which one fails: none begins before the one before has
 * ended and, whichever fails, all is let go of in the end.
 */

import { link, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { BlockError } from '../../../src/base/errors.ts';
import type { Pending } from '../../../src/base/pending.ts';
import { DirtyBitmap } from '../../../src/bitmap/dirty-bitmap.ts';
import type { Files, OpenFile } from '../../../src/env/files.ts';
import { nodeFiles } from '../../../src/env/node-files.ts';
import { Journal, type JournalOptions } from '../../../src/jobs/mirror/journal.ts';
import { JournalFile } from '../../../src/jobs/mirror/journal-file.ts';
import { settle } from '../../support/settle.ts';
import { openFilesIn, withFolder } from '../../support/temporary.ts';

const IDENTITY = { size: 4096, granularity: 512, sourceId: 'source', targetId: 'target' };
const OPTIONS: JournalOptions = { ...IDENTITY, hotMax: 0 };

/** Which call fails: by its number, from 1 on. */
interface Failing {
  readonly number: number;
  /** Whether no write succeeds any more after it. */
  readonly isFull: boolean;
}

const NONE: Failing = { number: 0, isFull: false };

/** Calls that take their time, and of which one fails. */
class Calls {
  readonly #failing: Failing;
  #inFlight: string | undefined;
  count = 0;
  /** What came before the end of what. */
  readonly early: string[] = [];
  /** The files that are locked: here alone, for others get the number of one that is removed. */
  readonly locked = new Set<number>();

  constructor(failing: Failing) {
    this.#failing = failing;
  }

  /** Notes what comes, and what it should have waited for. */
  note(what: string): void {
    if (this.#inFlight !== undefined) this.early.push(`${what} before ${this.#inFlight} has ended`);
  }

  async make<T>(name: string, body: () => Pending<T>): Promise<T> {
    this.note(name);
    this.#inFlight = name;
    this.count += 1;
    const { number, isFull } = this.#failing;
    const fails = this.count === number || (isFull && this.count > number && name === 'write');
    const failure = new BlockError('EIO', name, 'by design');
    try {
      await settle();
      // What lets go does so though it fails.
      if (fails && name !== 'close' && name !== 'release') throw failure;
      const result = await body();
      if (fails) throw failure;
      return result;
    } finally {
      this.#inFlight = undefined;
    }
  }
}

function slowFiles(calls: Calls): Files {
  return {
    ...nodeFiles,
    open: (path, options) =>
      calls.make('open', async () => slowFile(await nodeFiles.open(path, options), calls)),
    status: (path) => calls.make('status', () => nodeFiles.status(path)),
    rename: (from, to) => calls.make('rename', () => nodeFiles.rename(from, to)),
    remove: (path) => calls.make('remove', () => nodeFiles.remove(path)),
    lock: ({ inode }) =>
      calls.make('lock', () => {
        if (calls.locked.has(inode)) return undefined;
        calls.locked.add(inode);
        const release = () => void calls.locked.delete(inode);
        return { release: () => calls.make('release', release) };
      }),
  };
}

function slowFile(file: OpenFile, calls: Calls): OpenFile {
  return {
    read: (offset, into) => calls.make('read', () => file.read(offset, into)),
    write: (offset, from) => calls.make('write', () => file.write(offset, from)),
    sync: () => calls.make('sync', () => file.sync()),
    truncate: (size) => calls.make('truncate', () => file.truncate(size)),
    status: () => calls.make('status of the open file', () => file.status()),
    close: () => calls.make('close', () => file.close()),
  };
}

/** A journal that an earlier mirror has left. */
async function leaveJournal(path: string, state: 'tracking' | 'invalid'): Promise<void> {
  const dirty = new DirtyBitmap(IDENTITY.size, IDENTITY.granularity);
  const file = await JournalFile.create(nodeFiles, path, IDENTITY, dirty);
  if (state === 'invalid') await file.voidByAnyMeans('invalid');
  await file.close();
}

/** What lies in a folder, and what is done then. */
interface Story {
  readonly title: string;
  readonly before: (path: string) => Promise<void>;
  readonly run: (files: Files, path: string) => Promise<void>;
}

const STORIES: readonly Story[] = [
  {
    title: 'made, where one was left half made, written and closed',
    before: (path) => writeFile(`${path}.unfinished`, 'half'),
    async run(files, path) {
      const dirty = new DirtyBitmap(IDENTITY.size, IDENTITY.granularity);
      const journal = await Journal.create(files, path, OPTIONS, dirty);
      const written = journal.writing({ offset: 0, length: 1 }, () => {});
      await Promise.allSettled([written]);
      await journal.close({ dirty, claimed: () => [], flush: () => {} });
    },
  },
  {
    title: 'opened, where it was left with two names, and retired',
    async before(path) {
      await leaveJournal(path, 'tracking');
      await link(path, `${path}.unfinished`);
    },
    async run(files, path) {
      const { journal } = await Journal.open(files, path, OPTIONS);
      await journal.retire('finished').catch(async (error) => {
        if (journal.state !== 'void') await journal.close();
        throw error;
      });
    },
  },
  {
    title: 'opened, where it is void',
    before: (path) => leaveJournal(path, 'invalid'),
    run: async (files, path) => (await Journal.open(files, path, OPTIONS)).journal.close(),
  },
  {
    title: 'refused, where it is of other disks',
    before: (path) => leaveJournal(path, 'tracking'),
    async run(files, path) {
      const opening = Journal.open(files, path, { ...OPTIONS, sourceId: 'another' });
      await expect(opening).rejects.toBeInstanceOf(BlockError);
    },
  },
  {
    title: 'removed',
    before: (path) => leaveJournal(path, 'tracking'),
    run: (files, path) => Journal.remove(files, path),
  },
];

/** @returns How many calls there were. */
function tell({ before, run }: Story, failing: Failing): Promise<number> {
  return withFolder(async (folder) => {
    const path = join(folder, 'journal');
    await before(path);
    const calls = new Calls(failing);
    const [ended] = await Promise.allSettled([run(slowFiles(calls), path)]);
    calls.note('the end');
    expect(calls.early).toEqual([]);
    if (ended.status === 'rejected') expect(ended.reason).toMatchObject({ code: 'EIO' });
    if (failing === NONE) expect(ended.status).toBe('fulfilled');
    expect(openFilesIn(folder) ?? 0).toBe(0);
    expect([...calls.locked]).toEqual([]);
    return calls.count;
  });
}

it.each(STORIES)('a journal does one thing after the other when it is $title', async (story) => {
  const count = await tell(story, NONE);
  for (let number = 1; number <= count; number += 1) {
    await tell(story, { number, isFull: false });
    await tell(story, { number, isFull: true });
  }
});
