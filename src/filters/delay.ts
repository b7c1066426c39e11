/**
 * A disk that takes its time, on top of one that is faster.
 *
 * Each kind of request has a delay of its own, before it reaches the node below; requests do not
 * wait for one another. The delays given are medians. With `p99-factor` they vary as those of disks
 * do, by a log-normal distribution in which one request in a hundred takes that many times the
 * median or longer:
 *
 *     delay = median * p99-factor ^ (z / 2.326)      z normally distributed
 *
 * Its tail ends where `z` is twice as far out, at the median times the square of the factor, which
 * is reached by less than two requests in a million.
 */

import type { Pending } from '../base/pending.ts';
import { type Random, seededRandom } from '../base/random.ts';
import { type BlockDriver, defineDriver } from '../block/driver.ts';
import type { BlockEdge } from '../block/edge.ts';
import { unsigned } from '../block/options.ts';
import type { Clock } from '../env/env.ts';
import { optional, withDefault } from '../wire/qapi/composites.ts';
import { Holds } from './fault-holds.ts';
import { describe, type FaultOperation, type FaultRequest } from './fault-request.ts';
import { DELAY_MS_MAX, milliseconds, numberFrom } from './fault-values.ts';
import { passThrough } from './pass-through.ts';

/** How many standard deviations above the median 99 % of a normal distribution end. */
const Z_P99 = 2.326;
const FACTOR_MAX = 1000;

export const delay = defineDriver(
  ({ node }) => ({
    image: node,
    'read-ms': withDefault(milliseconds, 0),
    'write-ms': withDefault(milliseconds, 0),
    'flush-ms': withDefault(milliseconds, 0),
    'zeroes-ms': withDefault(milliseconds, 0),
    'discard-ms': withDefault(milliseconds, 0),
    /** 1 for delays that are always the same. */
    'p99-factor': withDefault(numberFrom(1, FACTOR_MAX), 1),
    /** Repeats what chance decides; by default it is another one each time. */
    seed: optional(unsigned),
  }),
  {
    summary: 'A filter that makes every request take longer',
    async open({ image, seed, ...options }, { env, name, openChild }) {
      const child = await openChild('image', image);
      const random = seededRandom(seed ?? env.random.uint32());
      const delayMs = delays({ factor: options['p99-factor'], random });
      return openDelay(child, env.clock, name, {
        read: () => delayMs(options['read-ms']),
        write: () => delayMs(options['write-ms']),
        flush: () => delayMs(options['flush-ms']),
        'write-zeroes': () => delayMs(options['zeroes-ms']),
        discard: () => delayMs(options['discard-ms']),
      });
    },
  },
);

type Delayed = Exclude<FaultOperation, 'block-status'>;

/** How long the next request of each kind takes, in milliseconds. */
type Delays = Readonly<Record<Delayed, () => number>>;

function openDelay(child: BlockEdge, clock: Clock, name: string, delayMs: Delays): BlockDriver {
  const below = passThrough(child);
  const holds = new Holds(clock);
  const later = (
    request: FaultRequest & { readonly operation: Delayed },
    carryOut: () => Pending,
  ): Pending => {
    const ms = delayMs[request.operation]();
    if (ms === 0) return carryOut();
    const { operation } = request;
    const hold = { key: operation, action: describe(request, name), delayMs: ms };
    return holds.wait(hold).then(carryOut);
  };
  return {
    ...below,
    read(offset, into, origin) {
      const place = { offset, length: into.length, forceUnitAccess: false, origin };
      return later({ operation: 'read', ...place }, () => below.read(offset, into, origin));
    },
    write(offset, from, options, origin) {
      const place = { offset, length: from.length, ...options, origin };
      const carryOut = () => below.write(offset, from, options, origin);
      return later({ operation: 'write', ...place }, carryOut);
    },
    writeZeroes(offset, length, options, origin) {
      const carryOut = () => below.writeZeroes(offset, length, options, origin);
      const { forceUnitAccess } = options;
      return later(
        { operation: 'write-zeroes', offset, length, forceUnitAccess, origin },
        carryOut,
      );
    },
    discard(offset, length, origin) {
      const place = { offset, length, forceUnitAccess: false, origin };
      return later({ operation: 'discard', ...place }, () => below.discard(offset, length, origin));
    },
    flush(origin) {
      const place = { offset: 0, length: 0, forceUnitAccess: false, origin };
      return later({ operation: 'flush', ...place }, () => below.flush(origin));
    },
    cancelInFlight: () => holds.cancelAll(),
    async close() {
      holds.cancelAll();
      await below.close();
    },
  };
}

/** @returns Draws a delay about a median, in milliseconds. */
function delays({ factor, random }: { readonly factor: number; readonly random: Random }) {
  return (medianMs: number): number => {
    if (factor === 1 || medianMs === 0) return medianMs;
    const deviations = Math.min(normal(random) / Z_P99, 2);
    return Math.min(medianMs * factor ** deviations, DELAY_MS_MAX);
  };
}

/** A normally distributed number, by the method of Box and Muller. */
function normal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.fraction()));
  return radius * Math.cos(2 * Math.PI * random.fraction());
}
