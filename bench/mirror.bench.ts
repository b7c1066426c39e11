/**
 * A hot mirror of 2 GiB from file to file without a guest, beside QEMU's and beside `cp`.
 *
 * The source is random bytes, so that nobody profits from zeroes, and in the page cache; each
 * target is made anew for each round. Ours is timed as QEMU's is: from the start of the job through
 * READY to COMPLETED. Three settings, in each of which both sides do the same: in a memory
 * filesystem; on a disk without flushes, which is the page cache alone; and on a disk with them,
 * where the disk decides.
 */

import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDisk } from '../src/index.ts';
import { MEMORY, memoryRoom } from './memory-folder.ts';
import { comparePairs, formatSpread, type PairResult } from './pairs.ts';
import { copySeconds, qemuMirrorSeconds } from './peers.ts';
import { writeRandom } from './random-file.ts';

const SIZE = 2 * 2 ** 30;
const ROUNDS = 7;

/** Where the files are, and whether flushes reach them. */
interface Setting {
  readonly title: string;
  readonly folder: string;
  readonly flush: boolean;
}

type Measure = (source: string, target: string) => Promise<number>;

export const bench = {
  name: 'mirror',
  summary: 'Mirroring 2 GiB from file to file, beside blockdev-mirror and cp',

  async run(report: (line: string) => void): Promise<void> {
    report(`2 GiB of random bytes, ${ROUNDS} rounds, seconds as median (min to max)`);
    for (const setting of await settings()) {
      report(`${setting.title}:`);
      await compareIn(setting, report);
    }
  },
};

async function settings(): Promise<readonly Setting[]> {
  const onDisk = [
    { title: 'page cache of a disk, no flushes', folder: tmpdir(), flush: false },
    { title: 'disk, with flushes', folder: tmpdir(), flush: true },
  ];
  const hasMemory = (await memoryRoom()) > 0;
  const inMemory = { title: 'memory filesystem', folder: MEMORY, flush: true };
  return hasMemory ? [inMemory, ...onDisk] : onDisk;
}

async function compareIn(setting: Setting, report: (line: string) => void): Promise<void> {
  const folder = await mkdtemp(join(setting.folder, 'mirrordisk-bench-'));
  const source = join(folder, 'source.img');
  const target = join(folder, 'target.img');
  const fresh = (measure: Measure) => async () => {
    await rm(target, { force: true });
    return measure(source, target);
  };
  const tell = (peer: string, { ours, theirs, ratio }: PairResult) => {
    const times = (1 / ratio.median).toFixed(2);
    report(`  ours ${formatSpread(ours, 2)}, ${peer} ${formatSpread(theirs, 2)}: ${times} times`);
  };
  try {
    await writeRandom(source, SIZE);
    const ours = fresh((from, to) => mirrorSeconds(from, to, setting.flush));
    const qemu = fresh(async (from, to) => {
      return (await qemuMirrorSeconds(from, to, { flush: setting.flush })) ?? 0;
    });
    await ours();
    if ((await qemu()) > 0) {
      tell('blockdev-mirror', await comparePairs({ rounds: ROUNDS, ours, theirs: qemu }));
    } else {
      report('  qemu-storage-daemon is not installed: no comparison with QEMU');
    }
    if (!setting.flush || setting.folder === tmpdir()) return;
    tell('cp', await comparePairs({ rounds: ROUNDS, ours, theirs: fresh(copySeconds) }));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** From the start of our job to its end. */
async function mirrorSeconds(source: string, target: string, flush: boolean): Promise<number> {
  const file = { driver: 'file', filename: target, cache: { 'no-flush': !flush } };
  const made = await open(target, 'wx');
  await made.truncate(SIZE);
  await made.close();
  await using disk = await openDisk(source, { readOnly: true });
  const start = performance.now();
  const mirror = await disk.mirror({ driver: 'raw', discard: 'unmap', file });
  await mirror.ready;
  await mirror.cancel();
  return (performance.now() - start) / 1000;
}
