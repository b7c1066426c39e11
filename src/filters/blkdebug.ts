/**
 * Faults, breakpoints and other limits, put between a disk and its parents: QEMU's blkdebug.
 *
 * What a rule can say is in `fault-options.ts`, which events there are in `blkdebug-events.ts`, how
 * rules and events work together in `fault-rules.ts`, and the way of a request past all that in
 * `blkdebug-control.ts`. QEMU's `config` files and its permissions of the child
 * (`take-child-perms`, `unshare-child-perms`) are not supported.
 */

import { assert } from '../base/assert.ts';
import { after } from '../base/pending.ts';
import { type BlockDriver, type DriverLimits, defineDriver } from '../block/driver.ts';
import type { BlockEdge } from '../block/edge.ts';
import type { BlockNode } from '../block/node.ts';
import { unsigned, unsupported } from '../block/options.ts';
import { enumeration, list, optional, struct, withDefault } from '../wire/qapi/composites.ts';
import { str } from '../wire/qapi/scalars.ts';
import { BlkdebugControl } from './blkdebug-control.ts';
import { blkdebugEvent } from './blkdebug-events.ts';
import { LIMIT_OPTIONS, limitsOf } from './blkdebug-limits.ts';
import { ByNode } from './by-node.ts';
import { corrupt } from './fault-effects.ts';
import { faultRule } from './fault-options.ts';
import { RULES_MAX } from './fault-rules.ts';
import { listOf } from './fault-values.ts';
import { passThrough } from './pass-through.ts';

const setState = struct('BlkdebugSetStateOptions', {
  event: blkdebugEvent,
  state: withDefault(unsigned, 0),
  new_state: unsigned,
});

const permissions = list(
  enumeration('BlockPermission', ['consistent-read', 'write', 'write-unchanged', 'resize']),
);

export const blkdebug = defineDriver(
  ({ node }) => ({
    image: node,
    config: optional(unsupported(str)),
    ...LIMIT_OPTIONS,
    'inject-error': withDefault(listOf(faultRule, RULES_MAX), []),
    'set-state': withDefault(listOf(setState, RULES_MAX), []),
    'take-child-perms': optional(unsupported(permissions, ({ length }) => length === 0)),
    'unshare-child-perms': optional(unsupported(permissions, ({ length }) => length === 0)),
    /** Repeats what chance decides; by default it is another one each time. */
    seed: optional(unsigned),
  }),
  {
    summary: 'A filter that injects faults, stops at breakpoints and sets limits',
    async open({ image, seed, ...options }, { env, name, openChild }) {
      const child = await openChild('image', image);
      const control = new BlkdebugControl({
        name,
        clock: env.clock,
        size: () => child.size,
        rules: options['inject-error'],
        setState: options['set-state'],
        seed: seed ?? env.random.uint32(),
      });
      return openFilter(child, control, limitsOf(options, child.node.limits, name));
    },
  },
);

const CONTROLS = new ByNode<BlkdebugControl>();

/**
 * The rules, receipts and breakpoints of a filter, given its node.
 *
 * @returns `undefined` when the node is no blkdebug.
 */
export function blkdebugOf(filter: BlockNode): BlkdebugControl | undefined {
  return CONTROLS.find(filter);
}

function openFilter(child: BlockEdge, control: BlkdebugControl, limits: DriverLimits): BlockDriver {
  const below = passThrough(child);
  CONTROLS.add(child, control);
  return {
    ...below,
    limits,
    reopening: {},

    read(offset, into, origin) {
      const place = { offset, length: into.length, forceUnitAccess: false, origin };
      return control.run({ operation: 'read', ...place }, ({ corruption, ...course }) =>
        after(below.read(course.offset, into, origin), () => {
          if (corruption) corrupt(into, offset, corruption);
        }),
      );
    },

    write(offset, from, { forceUnitAccess }, origin) {
      const place = { offset, length: from.length, forceUnitAccess, origin };
      return control.run({ operation: 'write', ...place }, (course) => {
        const bytes = course.length === from.length ? from : from.subarray(0, course.length);
        const options = { forceUnitAccess: course.forceUnitAccess };
        return below.write(course.offset, bytes, options, origin);
      });
    },

    writeZeroes(offset, length, options, origin) {
      const { forceUnitAccess } = options;
      const place = { offset, length, forceUnitAccess, origin };
      return control.run({ operation: 'write-zeroes', ...place }, (course) => {
        const actual = { ...options, forceUnitAccess: course.forceUnitAccess };
        return below.writeZeroes(course.offset, course.length, actual, origin);
      });
    },

    discard(offset, length, origin) {
      const place = { offset, length, forceUnitAccess: false, origin };
      return control.run({ operation: 'discard', ...place }, () =>
        below.discard(offset, length, origin),
      );
    },

    flush(origin) {
      const place = { offset: 0, length: 0, forceUnitAccess: false, origin };
      return control.run({ operation: 'flush', ...place }, () => below.flush(origin));
    },

    blockStatus(offset, length) {
      // On whose account it is asked, nobody says.
      const place = { offset, length, forceUnitAccess: false, origin: undefined };
      const found = control.run({ operation: 'block-status', ...place }, () =>
        below.blockStatus(offset, length),
      );
      return after(found, (extent) => {
        assert(extent !== undefined, 'no rule makes the status of blocks a lie');
        return extent;
      });
    },

    cancelInFlight: () => control.cancelInFlight(),

    async close() {
      control.cancelInFlight();
      await below.close();
    },
  };
}
