/**
 * A hot mirror of 2 GiB from file to file without a guest, beside QEMU's and beside `cp`.
 *
 * All files are on a memory filesystem where there is one, so that no disk decides; the source is
 * random bytes, so that nobody profits from zeroes; each target is made anew for each round. Ours
 * is timed as QEMU's is: from the start of the job through READY to COMPLETED, flushes included.
 */

import { randomFillSync } from 'node:crypto';
import { access, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDisk } from '../src/index.ts';
import { comparePairs, formatSpread, type PairResult } from './pairs.ts';
import { copySeconds, qemuMirrorSeconds } from './peers.ts';

const GiB = 2 ** 30;
const SIZE = 2 * GiB;
const ROUNDS = 7;

export const bench = {
  name: 'mirror',
  summary: 'Mirroring 2 GiB from file to file, beside blockdev-mirror and cp',

  async run(report: (line: string) => void): Promise<void> {
    const memory = await access('/dev/shm').then(
      () => '/dev/shm',
      () => tmpdir(),
    );
    const folder = await mkdtemp(join(memory, 'mirrordisk-bench-'));
    const source = join(folder, 'source.img');
    const target = join(folder, 'target.img');
    /** Each figure is of a target that did not exist. */
    const fresh = (seconds: (source: string, target: string) => Promise<number>) => async () => {
      await rm(target, { force: true });
      return seconds(source, target);
    };
    try {
      await writeRandom(source);
      report(
        `2 GiB of random bytes in ${folder}, ${ROUNDS} rounds, seconds as median (min to max)`,
      );
      const ours = fresh(mirrorSeconds);
      await ours();
      if ((await fresh(tryQemu)()) > 0) {
        const result = await comparePairs({ rounds: ROUNDS, ours, theirs: fresh(tryQemu) });
        tell('blockdev-mirror of qemu-storage-daemon', result);
      } else {
        report('qemu-storage-daemon is not installed: no comparison with QEMU');
      }
      tell('cp', await comparePairs({ rounds: ROUNDS, ours, theirs: fresh(copySeconds) }));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }

    function tell(peer: string, { ours, theirs, ratio }: PairResult): void {
      report(`mirrordisk ${formatSpread(ours, 2)} s, ${peer} ${formatSpread(theirs, 2)} s`);
      report(`  time by theirs ${formatSpread(ratio, 2)}: ${(1 / ratio.median).toFixed(2)} times`);
    }
  },
};

/** From the start of our job to its end. */
async function mirrorSeconds(source: string, target: string): Promise<number> {
  await using disk = await openDisk(source, { readOnly: true });
  const start = performance.now();
  const mirror = await disk.mirror(target);
  await mirror.ready;
  await mirror.cancel();
  return (performance.now() - start) / 1000;
}

/** @returns 0 where QEMU is not installed. */
async function tryQemu(source: string, target: string): Promise<number> {
  return (await qemuMirrorSeconds(source, target)) ?? 0;
}

async function writeRandom(path: string): Promise<void> {
  const bytes = Buffer.allocUnsafe(64 * 2 ** 20);
  const file = await open(path, 'w');
  try {
    for (let offset = 0; offset < SIZE; offset += bytes.length) {
      await file.write(randomFillSync(bytes), 0, bytes.length, offset);
    }
  } finally {
    await file.close();
  }
}
