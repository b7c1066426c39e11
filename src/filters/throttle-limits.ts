/**
 * The limits of a throttle group, by the names of QEMU's ThrottleLimits, and which of them go
 * together.
 *
 * A limit is an average rate a second, perhaps with a burst above it: `bps-total-max` is how much a
 * second the burst may be, `bps-total-max-length` for how many seconds. Limits are for reads and
 * writes together (`total`) or apart, never both. With `iops-size` a request longer than that
 * counts as several.
 */

import { BlockError } from '../base/errors.ts';
import { optional, struct } from '../wire/qapi/composites.ts';
import { int } from '../wire/qapi/scalars.ts';
import { memberOf, type ObjectType, wholeOf } from '../wire/qapi/type.ts';
import type { JsonObject } from '../wire/qmp/json-value.ts';

/** What is limited: requests or bytes a second, of which direction. */
export type LimitKind = `${'iops' | 'bps'}-${'total' | 'read' | 'write'}`;
type LimitName = LimitKind | `${LimitKind}-max` | `${LimitKind}-max-length` | 'iops-size';

/** Limits by QEMU's names; one that is missing or 0 is none. */
export type ThrottleLimits = { readonly [Name in LimitName]?: number | undefined };

/** One limit as the arithmetic takes it. */
export interface BucketLimit {
  /** Units a second; 0 is no limit. */
  readonly average: number;
  /** Units a second during a burst; 0 is no burst. */
  readonly max: number;
  /** Seconds. */
  readonly maxLength: number;
}

/** Limits that go together. */
export interface ThrottleConfiguration {
  readonly buckets: Readonly<Record<LimitKind, BucketLimit>>;
  /** Bytes; a request longer than this counts as several. 0 counts every request as one. */
  readonly operationSize: number;
}

/** QEMU's THROTTLE_VALUE_MAX: the largest rate, and the largest burst in units. */
const VALUE_MAX = 1e15;
const LENGTH_MAX = 2 ** 32 - 1;

const BANDWIDTH = ['bps-total', 'bps-read', 'bps-write'] as const;
const OPERATIONS = ['iops-total', 'iops-read', 'iops-write'] as const;
/** In the order in which QEMU looks at them. */
const KINDS: readonly LimitKind[] = [...BANDWIDTH, ...OPERATIONS];

/** QEMU's ThrottleLimits. */
export const throttleLimits: ObjectType<ThrottleLimits> = struct(
  'ThrottleLimits',
  Object.fromEntries(
    [
      ...[...OPERATIONS, ...BANDWIDTH].flatMap((kind) => [
        kind,
        `${kind}-max`,
        `${kind}-max-length`,
      ]),
      'iops-size',
    ].map((name) => [name, optional(int)]),
  ),
);

/**
 * Puts limits beside one another and sees whether they may stand so.
 *
 * @throws {BlockError} `EINVAL`, with QEMU's words, for limits that do not go together.
 */
export function checkLimits(limits: ThrottleLimits): ThrottleConfiguration {
  // Whoever calls this from a program has not been through a check of options.
  const given = throttleLimits.read(limits as JsonObject, memberOf(wholeOf('json'), 'limits'));
  for (const kind of KINDS) {
    const maxLength = given[`${kind}-max-length`] ?? 1;
    if (maxLength >= 0 && maxLength <= LENGTH_MAX) continue;
    throw refuse(`${kind}-max-length value must be in the range [0, ${LENGTH_MAX}]`);
  }
  const operationSize = given['iops-size'] ?? 0;
  const buckets = {
    'bps-total': bucketOf(given, 'bps-total'),
    'bps-read': bucketOf(given, 'bps-read'),
    'bps-write': bucketOf(given, 'bps-write'),
    'iops-total': bucketOf(given, 'iops-total'),
    'iops-read': bucketOf(given, 'iops-read'),
    'iops-write': bucketOf(given, 'iops-write'),
  };
  demandApart(buckets);
  if (operationSize > 0 && OPERATIONS.every((kind) => buckets[kind].average === 0)) {
    throw refuse('iops size requires an iops value to be set');
  }
  for (const kind of KINDS) demandSound(buckets[kind]);
  return { buckets, operationSize };
}

function bucketOf(limits: ThrottleLimits, kind: LimitKind): BucketLimit {
  return {
    average: limits[kind] ?? 0,
    max: limits[`${kind}-max`] ?? 0,
    maxLength: limits[`${kind}-max-length`] ?? 1,
  };
}

function demandApart(buckets: ThrottleConfiguration['buckets']): void {
  for (const [total, read, write] of [BANDWIDTH, OPERATIONS]) {
    for (const value of ['average', 'max'] as const) {
      if (buckets[total][value] === 0) continue;
      if (buckets[read][value] === 0 && buckets[write][value] === 0) continue;
      const what = 'bps/iops/max total values and read/write values';
      throw refuse(`${what} cannot be used at the same time`);
    }
  }
}

function demandSound({ average, max, maxLength }: BucketLimit): void {
  if (average < 0 || average > VALUE_MAX || max < 0 || max > VALUE_MAX) {
    throw refuse(`bps/iops/max values must be within [0, ${VALUE_MAX}]`);
  }
  if (maxLength === 0) throw refuse('the burst length cannot be 0');
  if (maxLength > 1 && max === 0) throw refuse('burst length set without burst rate');
  if (max === 0) return;
  // In whole numbers, as QEMU divides.
  if (maxLength > Math.floor(VALUE_MAX / max)) {
    throw refuse('burst length too high for this burst rate');
  }
  if (average === 0) throw refuse('bps_max/iops_max require corresponding bps/iops values');
  if (max < average) throw refuse('bps_max/iops_max cannot be lower than bps/iops');
}

function refuse(reason: string): BlockError {
  return new BlockError('EINVAL', 'set the throttle limits', reason);
}
