import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeEnv } from '../../../src/env/node.ts';
import { type Mirror, openDisk } from '../../../src/index.ts';
import { Journal } from '../../../src/jobs/mirror/journal.ts';
import { decodeHeader } from '../../../src/jobs/mirror/journal-format.ts';
import { withSource } from '../../support/image-place.ts';
import { GRANULARITY, MachineRig, SIZE } from '../../support/machine-rig.ts';
import { settle } from '../../support/settle.ts';
import { withFolder } from '../../support/temporary.ts';

/** What the journal of a mirror that ends so says of itself when its name is removed. */
async function lastWord(end: (mirror: Mirror) => Promise<unknown>): Promise<readonly string[]> {
  const words: string[] = [];
  const env = nodeEnv();
  const files = {
    ...env.files,
    async remove(path: string) {
      if (path.endsWith('-journal')) words.push(decodeHeader(readFileSync(path)).state);
      await env.files.remove(path);
    },
  };
  await withSource(1024 * 1024, async ({ source, target }) => {
    await using disk = await openDisk(source, { env: { ...env, files } });
    const mirror = await disk.mirror(target, { persist: true });
    await mirror.ready;
    await end(mirror);
  });
  return words;
}

describe('a journal whose name comes back after a power cut', () => {
  it.each(['switch', 'finish'] as const)(
    'is of no use to any mirror after a %s: the target may have been in use since',
    async (verb) => {
      expect(await lastWord((mirror) => mirror[verb]())).toEqual(['finished']);
    },
  );

  it('may be used after an abort, but is not trusted', async () => {
    expect(await lastWord((mirror) => mirror.abort())).toEqual(['invalid']);
  });
});

/** A journal of the disks that a machine's rig opens, and what it was made of. */
async function newJournal(folder: string) {
  const path = join(folder, 'journal');
  const ids = { sourceId: 'source', targetId: 'target' };
  const options = { size: SIZE, granularity: GRANULARITY, ...ids };
  return { path, options, journal: await Journal.create(nodeEnv().files, path, options) };
}

describe('the journal of a mirror that ends before it is known what differs', () => {
  it('says that everything may, where it is kept', () =>
    withFolder(async (folder) => {
      await using rig = new MachineRig();
      await rig.open('source');
      const { gate } = await rig.open('target', { start: 100 });
      const { path, options, journal } = await newJournal(folder);
      gate.mode = 'held';
      const { job, work } = await rig.mirror({ journal: { journal } });
      await settle();
      work.keepJournal();
      job.cancel({ force: true });
      gate.mode = 'sync';
      gate.next('blockStatus').complete();
      expect(await job.finished).toEqual({ status: 'cancelled' });
      const resumed = await Journal.open(nodeEnv().files, path, options);
      await resumed.journal.close();
      expect(resumed.dirty.dirtyBytes).toBe(SIZE);
    }));
});

describe('the journal of a mirror that has just met', () => {
  it('says so at once, and not at the next round: a crash then costs no copies', () =>
    withFolder(async (folder) => {
      await using rig = new MachineRig();
      await rig.open('source');
      await rig.open('target', { start: 100 });
      const { journal } = await newJournal(folder);
      const { job } = await rig.mirror({ journal: { journal } });
      // Files take their time, but on the clock of the mirror none passes: no round is due by it.
      while (job.status !== 'ready') await settle();
      while (journal.recordedBytes > 0) await settle();
    }));
});
