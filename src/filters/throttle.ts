/**
 * The throttle filter: requests wait until the limits of its group let them go.
 *
 * Reads, writes, zeroes and discards are throttled, flushes and queries are not: so does QEMU. The
 * group is one of the machine's, shared by name with other disks, or one of the filter's own, whose
 * limits stand in its options:
 *
 *     { driver: 'throttle', 'throttle-group': 'tg0', file: ... }
 *     { driver: 'throttle', limits: { 'bps-total': 1048576 }, file: ... }
 *
 * A drain waits for everything in flight, and a throttled request is: without more ado a drain of a
 * disk at 4 KiB/s would take as long as its queue. QEMU lets the queue go at the beginning of a
 * drain, and so does {@link ThrottleDriver.beginDrain}.
 */

import { BlockError } from '../base/errors.ts';
import type { Pending } from '../base/pending.ts';
import { type DriverDefinition, defineDriver, type ReopenContext } from '../block/driver.ts';
import type { BlockEdge } from '../block/edge.ts';
import type { BlockNode } from '../block/node.ts';
import type { Clock } from '../env/env.ts';
import { optional } from '../wire/qapi/composites.ts';
import { str } from '../wire/qapi/scalars.ts';
import { ByNode } from './by-node.ts';
import { type FilterDriver, passThrough } from './pass-through.ts';
import type { Direction } from './throttle-buckets.ts';
import { ThrottleGroup } from './throttle-group.ts';
import type { ThrottleGroups } from './throttle-groups.ts';
import { type ThrottleLimits, throttleLimits } from './throttle-limits.ts';

/** What the throttle filter can do beside what all filters can. */
export interface ThrottleDriver extends FilterDriver {
  /** Its limits can be changed there. */
  readonly group: ThrottleGroup;
  /** Lets go what waits, and everything that comes until as many calls of `endDrain`. */
  beginDrain(): void;
  endDrain(): void;
}

interface ThrottleOptions {
  readonly 'throttle-group'?: string | undefined;
  readonly limits?: ThrottleLimits | undefined;
}

const FILTERS = new ByNode<ThrottleDriver>();

/** @returns The filter of a node, by which its group is found; `undefined` when it is none. */
export function throttleOf(filter: BlockNode): ThrottleDriver | undefined {
  return FILTERS.find(filter);
}

/** @param groups The groups of the machine that the disks belong to. */
export function throttle(groups: ThrottleGroups): DriverDefinition {
  return defineDriver(
    ({ node }) => ({
      /** The name of a group that is there. */
      'throttle-group': optional(str),
      file: node,
      /** Limits of the disk's own. */
      limits: optional(throttleLimits),
    }),
    {
      summary: 'Another node, no faster than some limits',
      async open({ file, ...options }, { name, env, openChild }) {
        const chosen = chooseGroup(groups, options);
        const child = await openChild('file', file);
        const filter = throttled({ child, name, clock: env.clock, groups }, chosen);
        FILTERS.add(child, filter);
        return filter;
      },
    },
  );
}

function chooseGroup(groups: ThrottleGroups, options: ThrottleOptions): ThrottleGroup {
  const { 'throttle-group': name, limits } = options;
  if (name !== undefined && limits !== undefined) {
    const rule = "Parameters 'throttle-group' and 'limits' cannot be used at the same time";
    throw new BlockError('EINVAL', 'open the node', rule);
  }
  if (limits !== undefined) return new ThrottleGroup(limits);
  if (name !== undefined) return groups.find(name);
  throw new BlockError('EINVAL', 'open the node', "Parameter 'throttle-group' is missing");
}

interface ThrottleParts {
  readonly child: BlockEdge;
  readonly name: string;
  readonly clock: Clock;
  readonly groups: ThrottleGroups;
}

function throttled(parts: ThrottleParts, chosen: ThrottleGroup): ThrottleDriver {
  const { child, name, clock, groups } = parts;
  let group = chosen;
  let member = group.join(name, clock);
  let drains = 0;
  const admit = (direction: Direction, bytes: number, send: () => Pending): Pending => {
    const admitted = member.admit(direction, bytes);
    return admitted ? admitted.then(send) : send();
  };
  const filter = passThrough(child, {
    read: (offset, into, origin) =>
      admit('read', into.length, () => child.read(offset, into, origin)),
    write: (offset, from, options, origin) =>
      admit('write', from.length, () => child.write(offset, from, options, origin)),
    writeZeroes: (offset, length, options, origin) =>
      admit('write', length, () => child.writeZeroes(offset, length, options, origin)),
    discard: (offset, length, origin) =>
      admit('write', length, () => child.discard(offset, length, origin)),
    cancelInFlight: () => member.cancel(),
    close: async () => member.leave(),
  });
  return {
    ...filter,
    get limits() {
      return child.node.limits;
    },
    get group() {
      return group;
    },
    reopening: {
      changeable: ['throttle-group', 'limits'],
      prepare(options: ThrottleOptions, context: ReopenContext) {
        const other = chooseGroup(groups, options);
        const commit = () => {
          group = other;
          member.leave();
          member = group.join(name, clock);
          for (let count = 0; count < drains; count += 1) member.beginDrain();
        };
        return { size: () => context.sizeOf('file'), commit };
      },
    },
    beginDrain() {
      drains += 1;
      member.beginDrain();
    },
    endDrain() {
      drains -= 1;
      member.endDrain();
    },
  };
}
