/** What must not be left of a round: open files, timers, and in the long run memory. */

import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** How long what is being closed may take to be gone, in milliseconds. */
const SETTLE_MS = 2000;
const LOOK_EVERY_MS = 20;
const MIB = 1024 * 1024;

/**
 * How much more memory there may be at the end than after the first minute. Of that which is used,
 * in JavaScript's heap and in buffers, hardly any; of that which the system has given to the
 * process, as much as a round's disks: what is given back is the allocator's choice.
 */
export const USED_GROWTH_MAX = 16 * MIB;
export const RESIDENT_GROWTH_MAX = 128 * MIB;

/** What is open at one moment. */
export interface Openings {
  /** Descriptors, where the system tells. */
  readonly descriptors: number;
  /** Timers, requests and the like that keep the process alive, by Node's names. */
  readonly resources: Readonly<Record<string, number>>;
}

/** Counts what is open now. */
export function countOpenings(): Openings {
  const resources: Record<string, number> = {};
  for (const name of process.getActiveResourcesInfo()) {
    resources[name] = (resources[name] ?? 0) + 1;
  }
  return { descriptors: countDescriptors(), resources };
}

function countDescriptors(): number {
  if (process.platform !== 'linux') return 0;
  return readdirSync('/proc/self/fd').length;
}

/** Waits for what a round leaves to be gone. @returns What is not, if anything. */
export async function leaksSince(before: Openings): Promise<string | undefined> {
  const endMs = performance.now() + SETTLE_MS;
  for (;;) {
    const found = compare(before, countOpenings());
    if (found === undefined || performance.now() > endMs) return found;
    await sleep(LOOK_EVERY_MS);
  }
}

function compare(before: Openings, after: Openings): string | undefined {
  const more = Object.entries(after.resources)
    .map(([name, count]) => ({ name, count: count - (before.resources[name] ?? 0) }))
    .filter(({ count }) => count > 0)
    .map(({ name, count }) => `${count} of ${name}`);
  const descriptors = after.descriptors - before.descriptors;
  if (descriptors > 0) more.push(`${descriptors} open files`);
  return more.length > 0 ? more.join(', ') : undefined;
}

/** Memory in bytes, once what nobody uses is given back. */
export interface Memory {
  readonly used: number;
  readonly resident: number;
}

/** Measures memory; exactly only where the process may collect what nobody uses. */
export async function measureMemory(): Promise<Memory> {
  for (let times = 0; times < 3; times += 1) {
    globalThis.gc?.();
    await sleep(LOOK_EVERY_MS);
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { used: heapUsed + external, resident: rss };
}
