/** What the cards of several exhibits are written with. */

import type { GuestStep, ScenarioParts } from '../scenario.ts';

type From = NonNullable<GuestStep['from']>;

/** A write of the guest: to one sector, unless said otherwise. */
export function write(sector: number, from: From = 'any', sectors = 1): GuestStep {
  return { type: 'write', sector, sectors, from };
}

/** A write of zeroes. */
export function zeroes(sector: number, from: From = 'any', sectors = 1): GuestStep {
  return { type: 'zeroes', sector, sectors, from };
}

/** Requests take effect when they are answered: half the choices. */
export const AT_ONCE = { stages: 1 } as const;

/** Granules of one sector. */
export const FINE = { granularity: 512, bufSize: 8192 } as const;
/** Granules of two sectors. */
export const COARSE = { granularity: 1024, bufSize: 16_384 } as const;

/** One copy at a time, so that what is dirty waits. */
export const ONE_COPY = { granularity: 1024, bufSize: 1024 } as const;

/** Guest writes go to both disks. */
export const BLOCKING = { copyMode: 'write-blocking' } as const;

/** A request of the job to the target fails once. */
export const TARGET_FAILS = {
  type: 'error',
  disk: 'target',
  operations: ['write'],
  code: 'EIO',
  times: 1,
} as const;

/** Two sectors, a guest that writes to one of them, and requests that take effect at once. */
export const SIMPLE: ScenarioParts = {
  source: AT_ONCE,
  target: AT_ONCE,
  guest: { requests: [write(0)] },
};
