/**
 * Our NBD server beside those of QEMU and nbdkit, with the clients of QEMU and libnbd.
 *
 * In pairs that do the same: a raw image in memory, served by us and by qemu-nbd; a memory disk,
 * served by us and by nbdkit; and, for what is left to gain with such a client on this machine, the
 * image served by nbdkit and by qemu-nbd. All are filled with random bytes first, for a server that
 * may answer with a hole does not move any. Each cell is so many requests of one length, so many in
 * flight by `qemu-img bench`, or what `nbdcopy` takes for good, on several connections; what counts
 * is requests a second, and what each costs the server in processor time, which the noise of a
 * machine spares.
 *
 * Each cell has servers of its own, and a run that does not count comes first. That run decides how
 * fast qemu-nbd is: by itself the C library gives the memory of each request of 256 KiB back to the
 * system and gets it anew, 65 page faults a request, until longer requests or those of `nbdcopy`
 * have taught it better. So these cells are there twice, the second time after `nbdcopy`.
 */

import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { memoryFolder } from './memory-folder.ts';
import {
  fill,
  type NbdServerProcess,
  startNbdkit,
  startOurs,
  startQemuNbd,
} from './nbd-servers.ts';
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
  /** What the server does before the first run that counts. @default One that does not. */
  readonly prepare?: (uri: string) => Promise<unknown>;
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

/** @returns Seconds. */
async function copy(from: string, to: string): Promise<number> {
  const startMs = performance.now();
  await run('nbdcopy', [`--request-size=${COPY_LENGTH}`, from, to]);
  return (performance.now() - startMs) / 1000;
}

function afterCopy(cell: Cell): Cell {
  const prepare = (uri: string) => copy(uri, 'null:');
  return { ...cell, title: `${cell.title}, after nbdcopy`, prepare };
}

/** @param data As many bytes as the disk has, to be written. */
function copyCells(data: string): Cell[] {
  const count = SIZE / COPY_LENGTH;
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
    const folder = await memoryFolder('nbd', 2 * SIZE);
    const [image, data] = [join(folder, 'image'), join(folder, 'data')];
    const long = benchCells(262_144, 16, 8000);
    const cells = [
      ...benchCells(4096, 1, 40_000),
      ...benchCells(4096, 32, 80_000),
      ...long,
      ...long.map(afterCopy),
      ...copyCells(data),
    ];
    try {
      for (const path of [image, data]) await writeRandom(path, SIZE);
      report(`${ROUNDS} rounds in turn, files in ${dirname(folder)};`);
      report('medians of requests a second and of server CPU');
      report('an image, ours by qemu-nbd:');
      const peer = () => startQemuNbd(folder, image);
      const ours = () => startOurs(folder, { path: image });
      for (const cell of cells) await compareCell(report, cell, [ours, peer]);
      report('the same, nbdkit with its file plugin by qemu-nbd:');
      const other = () => startNbdkit(folder, { path: image });
      for (const cell of cells) await compareCell(report, cell, [other, peer]);
      report('memory, ours by nbdkit:');
      const filled = async (start: Promise<NbdServerProcess>) => {
        const server = await start;
        await fill(server, data);
        return server;
      };
      const memory = { memory: SIZE };
      const starts = [startOurs, startNbdkit].map((start) => () => filled(start(folder, memory)));
      for (const cell of cells) if (!cell.prepare) await compareCell(report, cell, starts);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

/** @param starts Start ours, and the peer. */
async function compareCell(
  report: (line: string) => void,
  cell: Cell,
  starts: readonly (() => Promise<NbdServerProcess>)[],
): Promise<void> {
  const servers: NbdServerProcess[] = [];
  try {
    for (const start of starts) servers.push(await start());
    const [ours, theirs] = servers;
    if (!ours || !theirs) return;
    const { prepare = cell.run } = cell;
    for (const { uri } of servers) await prepare(uri);
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
    report(`  ${cell.title.padEnd(44)} ${rateText(rates)}  ${costText(costs, spreadOf(pairs))}`);
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
