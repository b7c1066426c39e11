/**
 * What a guest's writes feel of a mirror: on files, without one, in phase 2 of each copy mode, and
 * with a journal; and how little a mirror copies that goes on after a crash.
 *
 * Each round measures all settings one after the other, for the machine's moods to fall on all of
 * them alike; what is shown is the median over the rounds.
 */

import { spawn } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cwd } from 'node:process';
import { sleep } from '../src/env/env.ts';
import { nodeEnv } from '../src/env/node.ts';
import { type DiskMirrorOptions, openDisk } from '../src/index.ts';
import { runGuest } from '../src/workload/guest.ts';

const MIB = 2 ** 20;
const SIZE = 512 * MIB;
const ROUNDS = 5;
const SECONDS = 4;

const SETTINGS: readonly { readonly title: string; readonly options?: DiskMirrorOptions }[] = [
  { title: 'no mirror' },
  { title: 'background', options: {} },
  { title: 'write-blocking', options: { copyMode: 'write-blocking' } },
  { title: 'adaptive', options: { copyMode: 'adaptive' } },
  { title: 'background, persist', options: { persist: true } },
  { title: 'write-blocking, persist', options: { copyMode: 'write-blocking', persist: true } },
];

/** Latencies of a guest's writes, in milliseconds. */
interface Latency {
  readonly p50: number;
  readonly p99: number;
}

export const bench = {
  name: 'latency',
  summary: 'Guest writes of 4 KiB beside a mirror between files, and a mirror after a crash',

  async run(report: (line: string) => void): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'mirrordisk-bench-'));
    try {
      await writeRandom(join(folder, 'source.img'));
      report(`500 random writes a second on 512 MiB, phase 2, medians of ${ROUNDS} rounds`);
      const found = new Map<string, Latency[]>(SETTINGS.map(({ title }) => [title, []]));
      for (let round = 0; round < ROUNDS; round += 1) {
        for (const { title, options } of SETTINGS) {
          found.get(title)?.push(await measure(folder, options));
        }
      }
      for (const [title, latencies] of found) {
        const p50 = median(latencies.map((latency) => latency.p50));
        const p99 = median(latencies.map((latency) => latency.p99));
        report(`  ${title.padEnd(24)} p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(1)} ms`);
      }
      report('killed in phase 2 after 4 s, with --persist, and gone on with:');
      for (const area of ['64M+5M', '0+512M']) report(await resumed(folder, area));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

async function measure(folder: string, options?: DiskMirrorOptions): Promise<Latency> {
  const target = join(folder, 'target.img');
  await rm(target, { force: true });
  const { clock } = nodeEnv();
  await using disk = await openDisk(join(folder, 'source.img'));
  const mirror = options && (await disk.mirror(target, options));
  await mirror?.ready;
  const guest = runGuest(disk.device, clock, { requestsPerSecond: 500, seconds: SECONDS });
  await guest.finished;
  const { p50Ms, p99Ms } = guest.statistics().writeLatency;
  await mirror?.finish();
  return { p50: p50Ms, p99: p99Ms };
}

/** Kills a mirror in phase 2 while its guest writes, and goes on with it. */
async function resumed(folder: string, area: string): Promise<string> {
  const [source, target] = [join(folder, 'source.img'), join(folder, 'target.img')];
  await rm(target, { force: true });
  await killInPhase2(source, target, area);
  await using disk = await openDisk(source);
  const mirror = await disk.mirror(target, { persist: true });
  await mirror.ready;
  const copied = mirror.progress.offset / MIB;
  await mirror.finish();
  return `  guest on ${area.padEnd(10)} copied ${copied.toFixed(1)} of 512 MiB`;
}

/** Runs the command line, which has its guest write at random, and kills it as a crash would. */
async function killInPhase2(source: string, target: string, area: string): Promise<void> {
  const program = join(cwd(), 'dist/cli/bin.js');
  const guest = ['--guest', 'random', '--guest-rate', '500', '--guest-area', area];
  const args = [program, 'mirror', source, target, '--persist', '--json', ...guest];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let told = '';
  child.stdout.on('data', (text) => {
    told += String(text);
  });
  const { clock } = nodeEnv();
  while (!told.includes('BLOCK_JOB_READY')) await sleep(clock, 100);
  await sleep(clock, 4000);
  child.kill('SIGKILL');
  await once(child, 'close');
}

async function writeRandom(path: string): Promise<void> {
  const file = await open(path, 'w');
  const bytes = new Uint8Array(4 * MIB);
  for (let at = 0; at < SIZE; at += bytes.length) {
    await file.write(randomFillSync(bytes), 0, bytes.length, at);
  }
  await file.sync();
  await file.close();
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
