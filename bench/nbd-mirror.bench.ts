/**
 * A mirror of 1 GiB from a file to an NBD server at a Unix socket, beside QEMU's to the same one.
 *
 * The server is nbdkit with its memory plugin, which costs least; the source is random bytes in
 * memory, and the server has its memory before. Both are timed from the start of the job through
 * READY to COMPLETED.
 */

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openDisk } from '../src/index.ts';
import { memoryFolder } from './memory-folder.ts';
import { fill, startNbdkit } from './nbd-servers.ts';
import { comparePairs, formatSpread } from './pairs.ts';
import { qemuMirrorSeconds } from './peers.ts';
import { writeRandom } from './random-file.ts';

const SIZE = 2 ** 30;
const ROUNDS = 7;

export const bench = {
  name: 'nbd-mirror',
  summary: 'Mirroring 1 GiB to an NBD server, beside blockdev-mirror to the same',

  async run(report: (line: string) => void): Promise<void> {
    const folder = await memoryFolder('nbd-mirror', SIZE);
    const source = join(folder, 'source.img');
    try {
      await writeRandom(source, SIZE);
      const server = await startNbdkit(folder, { memory: SIZE });
      try {
        await fill(server, source);
        const target = { driver: 'nbd', server: { type: 'unix', path: server.socket } };
        const { ours, theirs, ratio } = await comparePairs({
          rounds: ROUNDS,
          ours: () => mirrorSeconds(source, target),
          theirs: async () => (await qemuMirrorSeconds(source, target)) ?? Number.NaN,
        });
        const times = formatSpread(inverse(ratio), 2);
        report(
          `ours ${formatSpread(ours, 2)} s, QEMU ${formatSpread(theirs, 2)} s: ${times} times`,
        );
      } finally {
        await server.stop();
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

function inverse({ median, min, max }: { median: number; min: number; max: number }) {
  return { median: 1 / median, min: 1 / max, max: 1 / min };
}

/** From the start of our job to its end. */
async function mirrorSeconds(
  source: string,
  target: { readonly driver: string; readonly server: object },
): Promise<number> {
  await using disk = await openDisk(source, { readOnly: true });
  const start = performance.now();
  const mirror = await disk.mirror(target);
  await mirror.ready;
  await mirror.finish();
  return (performance.now() - start) / 1000;
}
