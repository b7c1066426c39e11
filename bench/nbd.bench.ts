/**
 * Our NBD server beside those of QEMU and nbdkit, with the clients of QEMU and libnbd.
 *
 * In pairs that do the same: a raw image in the page cache, served by us and by qemu-nbd; memory,
 * served by us and by nbdkit; and, for what is left to gain with such a client on this machine, the
 * image served by nbdkit and by qemu-nbd. All are filled with random bytes first, for a server that
 * may answer with a hole does not move any. Each cell is so many requests of one length, so many in
 * flight by `qemu-img bench`, or what `nbdcopy` takes for good, on several connections; what counts
 * is requests a second, and what each costs the server in processor time, which the noise of a
 * machine spares. A round that does not count comes first: a server runs for long.
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

const SIZE = 2 ** 30;
const ROUNDS = 5;
const COPY_LENGTH = 262_144;

interface Cell {
  readonly title: string;
  /** Requests. */
  readonly count: number;
  /** Sends them to a server. @returns Seconds. */
  readonly run: (uri: string) => Promise<number>;
}

function benchCells(length: number, depth: number, count: number): Cell[] {
  return ['read', 'write'].map((operation) => ({
    title: `${operation} ${length / 1024} KiB, ${depth} in flight`,
    count,
    async run(uri) {
      const { stdout } = await run('qemu-img', [
        ...['bench', '-f', 'raw', '-s', `${length}`, '-d', `${depth}`, '-c', `${count}`],
        ...(operation === 'write' ? ['-w', '--pattern=165'] : []),
        uri,
      ]);
      return Number(/Run completed in ([\d.]+) seconds/.exec(stdout)?.[1]);
    },
  }));
}

/** @param data As many bytes as the disk has, to be written. */
function copyCells(data: string): Cell[] {
  const count = SIZE / COPY_LENGTH;
  const copy = async (from: string, to: string) => {
    const startMs = performance.now();
    await run('nbdcopy', [`--request-size=${COPY_LENGTH}`, from, to]);
    return (performance.now() - startMs) / 1000;
  };
  return [
    { title: 'nbdcopy from it, 256 KiB', count, run: (uri) => copy(uri, 'null:') },
    { title: 'nbdcopy to it, 256 KiB', count, run: (uri) => copy(data, uri) },
  ];
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
    const [image, data] = [join(folder, 'image'), join(folder, 'data')];
    const cells = [
      ...benchCells(4096, 1, 40_000),
      ...benchCells(4096, 32, 80_000),
      ...benchCells(262_144, 16, 8000),
      ...copyCells(data),
    ];
    try {
      for (const path of [image, data]) await writeRandom(path, SIZE);
      report(`${ROUNDS} rounds in turn; medians of requests a second and of server CPU`);
      report('an image in the page cache, ours by qemu-nbd:');
      const ofFile = { path: image };
      const onFile = [await startOurs(folder, ofFile), await startQemuNbd(folder, image)];
      await compareServers(report, cells, onFile);
      report('the same, nbdkit with its file plugin by qemu-nbd:');
      const others = [await startNbdkit(folder, ofFile), await startQemuNbd(folder, image)];
      await compareServers(report, cells, others);
      report('memory, ours by nbdkit:');
      const memory = { memory: SIZE };
      const inMemory = [await startOurs(folder, memory), await startNbdkit(folder, memory)];
      for (const { uri } of inMemory) await run('nbdcopy', [image, uri]);
      await compareServers(report, cells, inMemory);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

async function compareServers(
  report: (line: string) => void,
  cells: readonly Cell[],
  servers: readonly NbdServerProcess[],
): Promise<void> {
  const [ours, theirs] = servers;
  if (!ours || !theirs) return;
  try {
    for (const server of servers) for (const cell of cells) await runCell(server, cell);
    for (const cell of cells) {
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

async function runCell(server: NbdServerProcess, cell: Cell): Promise<Figures> {
  const before = await server.processorTime();
  const seconds = await cell.run(server.uri);
  const cost = ((await server.processorTime()) - before) / cell.count;
  return { perSecond: cell.count / seconds, cost };
}
