/**
 * Our NBD server beside those of QEMU and nbdkit, with QEMU's client.
 *
 * In pairs that do the same: a raw image in the page cache, served by us and by qemu-nbd; and
 * memory, served by us and by nbdkit. Both are filled with random bytes first, for a server that
 * may answer with a hole does not move any. Each cell is so many requests of one length, so many in
 * flight; what counts is requests a second, and what each costs the server in processor time, which
 * the noise of a machine spares. A round that does not count comes first: a server runs for long.
 */

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type NbdServerProcess, startNbdkit, startOurs, startQemuNbd } from './nbd-servers.ts';
import { comparePairs, type Spread, spreadOf } from './pairs.ts';
import { writeRandom } from './random-file.ts';

const run = promisify(execFile);

const SIZE = 256 * 2 ** 20;
const ROUNDS = 5;

interface Cell {
  readonly title: string;
  readonly args: readonly string[];
  readonly count: number;
}

const CELLS: readonly Cell[] = [
  ...cellsOf(4096, 1, 20_000),
  ...cellsOf(4096, 32, 80_000),
  ...cellsOf(262_144, 16, 8000),
];

function cellsOf(length: number, depth: number, count: number): Cell[] {
  return ['read', 'write'].map((operation) => ({
    title: `${operation} ${length / 1024} KiB, ${depth} in flight`,
    args: [
      ...['bench', '-f', 'raw', '-s', `${length}`, '-d', `${depth}`, '-c', `${count}`],
      ...(operation === 'write' ? ['-w', '--pattern=165'] : []),
    ],
    count,
  }));
}

/** What one run of one cell came to. */
interface Figures {
  readonly perSecond: number;
  /** Microseconds of the server's processor time. */
  readonly cost: number;
}

export const bench = {
  name: 'nbd',
  summary: 'Serving over NBD, beside qemu-nbd (an image) and nbdkit (memory)',

  async run(report: (line: string) => void): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'mirrordisk-bench-'));
    const image = join(folder, 'image');
    try {
      await writeRandom(image, SIZE);
      report(`${ROUNDS} rounds in turn; medians of requests a second and of server CPU`);
      report('an image in the page cache, ours by qemu-nbd:');
      await compareServers(report, [
        await startOurs(folder, { path: image }),
        await startQemuNbd(folder, image),
      ]);
      report('memory, ours by nbdkit:');
      const inMemory = [await startOurs(folder, { memory: SIZE }), await startNbdkit(folder, SIZE)];
      for (const { uri } of inMemory) await run('nbdcopy', [image, uri]);
      await compareServers(report, inMemory);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

async function compareServers(
  report: (line: string) => void,
  servers: readonly NbdServerProcess[],
): Promise<void> {
  const [ours, theirs] = servers;
  if (!ours || !theirs) return;
  try {
    for (const server of servers) for (const cell of CELLS) await runCell(server, cell);
    for (const cell of CELLS) {
      const costs: Record<'ours' | 'theirs', number[]> = { ours: [], theirs: [] };
      const measure = (server: NbdServerProcess, to: number[]) => async () => {
        const { perSecond, cost } = await runCell(server, cell);
        to.push(cost);
        return perSecond;
      };
      const rates = await comparePairs({
        rounds: ROUNDS,
        ours: measure(ours, costs.ours),
        theirs: measure(theirs, costs.theirs),
      });
      const pairs = costs.ours.map((cost, round) => (costs.theirs[round] ?? 0) / cost);
      report(`  ${cell.title.padEnd(30)} ${rateText(rates)}  ${costText(costs, spreadOf(pairs))}`);
    }
  } finally {
    for (const server of servers) await server.stop();
  }
}

function rateText(rates: { ours: Spread; theirs: Spread; ratio: Spread }): string {
  const [ours, theirs] = [rates.ours, rates.theirs].map(({ median }) => Math.round(median));
  return `${ours}/s by ${theirs}/s: ${times(rates.ratio)}`;
}

function costText(costs: Record<'ours' | 'theirs', number[]>, ratio: Spread): string {
  const [ours, theirs] = [costs.ours, costs.theirs].map((all) => spreadOf(all).median.toFixed(1));
  return `CPU ${ours} us by ${theirs} us: ${times(ratio)} less`;
}

function times({ median, min, max }: Spread): string {
  return `${median.toFixed(2)} times (${min.toFixed(2)} to ${max.toFixed(2)})`;
}

async function runCell(server: NbdServerProcess, { args, count }: Cell): Promise<Figures> {
  const before = await server.processorTime();
  const { stdout } = await run('qemu-img', [...args, server.uri]);
  const seconds = Number(/Run completed in ([\d.]+) seconds/.exec(stdout)?.[1]);
  const cost = ((await server.processorTime()) - before) / count;
  return { perSecond: count / seconds, cost };
}
