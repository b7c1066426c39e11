/**
 * Whether a mirror becomes ready, and what its guest feels of it, when the target is slower than
 * the guest writes: 20 MiB/s against 40 MiB/s, as where QEMU 7.2 never became ready in background
 * mode.
 *
 * The guest asks at its own pace, with at most 4 requests in flight; a latency counts from when the
 * device was asked. Disks are in memory, so what is seen is the mirror's doing and the throttle's.
 */

import { nodeEnv } from '../src/env/node.ts';
import { type CopyMode, type DiskMirrorOptions, openDisk } from '../src/index.ts';
import { runGuest } from '../src/workload/guest.ts';

const MIB = 2 ** 20;
const SIZE = 256 * MIB;
const TARGET_RATE = 20 * MIB;
const BLOCK_SIZE = 64 * 1024;
/** Give up on a mirror that is not ready by then, in milliseconds. */
const PATIENCE_MS = 45_000;

interface Case {
  readonly title: string;
  readonly guestRate: number;
  readonly options: DiskMirrorOptions | undefined;
}

function cases(guestRate: number): readonly Case[] {
  const modes: readonly CopyMode[] = ['background', 'write-blocking', 'adaptive'];
  return [
    { title: 'no mirror', guestRate, options: undefined },
    ...modes.map((copyMode) => ({ title: copyMode, guestRate, options: { copyMode } })),
  ];
}

export const bench = {
  name: 'convergence',
  summary: 'A target of 20 MiB/s under a guest of 40 and of 10 MiB/s: ready when, and how slow',

  async run(report: (line: string) => void): Promise<void> {
    for (const guestRate of [40 * MIB, 10 * MIB]) {
      report(`guest: random writes of 64 KiB, ${guestRate / MIB} MiB/s, on a disk of 256 MiB`);
      for (const each of cases(guestRate)) report(`  ${await measure(each)}`);
    }
  },
};

async function measure({ title, guestRate, options }: Case): Promise<string> {
  const env = nodeEnv();
  const disk = await openDisk({ driver: 'memory', size: SIZE });
  const filled = new Uint8Array(MIB).fill(0xa5);
  for (let at = 0; at < SIZE; at += MIB) await disk.write(at, filled);
  const guest = runGuest(disk.device, env.clock, {
    pattern: 'random',
    blockSize: BLOCK_SIZE,
    readShare: 0,
    requestsPerSecond: guestRate / BLOCK_SIZE,
    queueDepth: 4,
    seed: 1,
  });
  const startMs = env.clock.nowMs();
  let ready = 'no mirror, 5 s';
  if (options) {
    const file = { driver: 'memory', size: SIZE };
    const limits = { 'bps-total': TARGET_RATE };
    const mirror = await disk.mirror({ driver: 'throttle', limits, file }, options);
    const isReady = await Promise.race([
      mirror.ready.then(() => true),
      new Promise<boolean>((resolve) => {
        setTimeout(resolve, PATIENCE_MS, false).unref();
      }),
    ]);
    const seconds = ((env.clock.nowMs() - startMs) / 1000).toFixed(1);
    ready = isReady ? `ready after ${seconds} s` : `not ready in ${seconds} s`;
    await guest.stop();
    await mirror.abort();
  } else {
    await new Promise((resolve) => setTimeout(resolve, 5000));
    await guest.stop();
  }
  const { bytes, elapsedMs } = guest.statistics();
  const { p50Ms, p99Ms } = disk.statistics().operations.out.latency;
  await disk.close();
  const rate = (bytes / MIB / (elapsedMs / 1000)).toFixed(1);
  const latency = `p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(1)} ms`;
  return `${title.padEnd(15)} ${ready.padEnd(23)} guest ${rate.padStart(5)} MiB/s, ${latency}`;
}
