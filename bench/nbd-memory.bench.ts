/**
 * How much memory our NBD server takes at most with many clients at work.
 *
 * Half of them read and write 4 KiB, half 256 KiB, each with 16 requests in flight. That of a
 * memory disk itself does not count.
 */

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fill, type NbdServerProcess, type Served, startOurs } from './nbd-servers.ts';
import { writeRandom } from './random-file.ts';

const run = promisify(execFile);

const SIZE = 256 * 2 ** 20;
const CLIENTS = 32;
const BOUND = 150 * 2 ** 20;

export const bench = {
  name: 'nbd-memory',
  summary: `Memory of our NBD server with ${CLIENTS} clients at work`,

  async run(report: (line: string) => void): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'mirrordisk-bench-'));
    const image = join(folder, 'image');
    try {
      await writeRandom(image, SIZE);
      for (const served of [{ path: image }, { memory: SIZE }]) {
        report(await peakOf(folder, served, image));
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

async function peakOf(folder: string, served: Served, image: string): Promise<string> {
  const server = await startOurs(folder, served);
  try {
    const isMemory = 'memory' in served;
    if (isMemory) await fill(server, image);
    await Promise.all(Array.from({ length: CLIENTS }, (_, index) => work(server, index)));
    const bytes = (await server.peakMemory()) - (isMemory ? SIZE : 0);
    const verdict = bytes < BOUND ? 'within' : 'beyond';
    const mebibytes = (count: number) => `${Math.round(count / 2 ** 20)} MiB`;
    const disk = isMemory ? 'memory, less that of the disk' : 'an image';
    return `${disk}: ${mebibytes(bytes)} at most, ${verdict} the ${mebibytes(BOUND)} allowed`;
  } finally {
    await server.stop();
  }
}

/** What one client does. */
async function work({ uri }: NbdServerProcess, index: number): Promise<void> {
  const [length, count] = index % 2 === 0 ? [4096, 20_000] : [262_144, 2000];
  const isWriter = index % 4 >= 2;
  await run('qemu-img', [
    ...['bench', '-f', 'raw', '-s', `${length}`, '-d', '16', '-c', `${count}`],
    ...(isWriter ? ['-w', '--pattern=165'] : []),
    uri,
  ]);
}
