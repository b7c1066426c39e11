/**
 * A disk that takes every write and keeps none, after QEMU's `null-co`: for measuring what is
 * above.
 *
 * By default a read leaves the buffer as it is, which costs nothing; with `read-zeroes` it gives
 * zeroes. `latency-ns` delays every request but status queries. Timers here count in whole
 * milliseconds, so the latency is rounded up to the next one: 1 ns is as long as 1 ms.
 */

import type { Pending } from '../base/pending.ts';
import { type BlockDriver, type BlockExtent, defineDriver } from '../block/driver.ts';
import { demandUnsigned, refuse } from '../block/options.ts';
import { type Clock, sleep } from '../env/env.ts';
import { withDefault } from '../wire/qapi/composites.ts';
import { bool, int } from '../wire/qapi/scalars.ts';

const SIZE_DEFAULT = 1024 ** 3;
const NS_PER_MS = 1_000_000;

interface NullOptions {
  readonly size: number;
  readonly 'latency-ns': number;
  readonly 'read-zeroes': boolean;
}

export const nullCo = defineDriver(
  () => ({
    /** Bytes. */
    size: withDefault(int, SIZE_DEFAULT),
    'latency-ns': withDefault(int, 0),
    'read-zeroes': withDefault(bool, false),
  }),
  {
    summary: 'A disk that forgets what is written to it',
    async open(options, { env }) {
      demandUnsigned(options.size, 'size');
      if (options['latency-ns'] < 0) throw refuse('latency-ns is invalid');
      return openNull(options, env.clock);
    },
  },
);

function openNull(options: NullOptions, clock: Clock): BlockDriver {
  const { size, 'read-zeroes': readZeroes } = options;
  const latencyMs = Math.ceil(options['latency-ns'] / NS_PER_MS);
  const complete = (): Pending => {
    if (latencyMs > 0) return sleep(clock, latencyMs);
  };
  const extent: BlockExtent = {
    length: size,
    data: !readZeroes,
    zero: readZeroes,
    allocated: true,
  };
  return {
    limits: { alignment: 1, transferMax: Number.MAX_SAFE_INTEGER, discardAlignment: 1 },
    supports: { forceUnitAccess: true },
    children: [],
    reopening: {},
    size: () => size,
    read(_offset, into) {
      if (readZeroes) into.fill(0);
      return complete();
    },
    write: complete,
    flush: complete,
    // QEMU's has neither, and is sent the zeroes: to the same effect, a page of them at a time.
    writeZeroes: complete,
    discard: complete,
    blockStatus: (offset) => ({ ...extent, length: size - offset }),
    allocatedSize: async () => 0,
    async close() {},
  };
}
