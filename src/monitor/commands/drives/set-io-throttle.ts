/** The command `block_set_io_throttle`: limits what the guest may ask of a drive. */

import { BlockError } from '../../../base/errors.ts';
import type { LimitKind, ThrottleLimits } from '../../../filters/throttle-limits.ts';
import { struct } from '../../../wire/qapi/composites.ts';
import { defineCommand } from '../../command.ts';
import { throttleBursts, throttleRates } from '../../schema/block-info.ts';
import { driveName, findDrive } from './find.ts';

/** The names of limits here, and those they have everywhere else. */
export const LIMIT_NAMES = {
  bps: 'bps-total',
  bps_rd: 'bps-read',
  bps_wr: 'bps-write',
  iops: 'iops-total',
  iops_rd: 'iops-read',
  iops_wr: 'iops-write',
} as const satisfies Readonly<Record<string, LimitKind>>;

type Rate = keyof typeof LIMIT_NAMES;

const RATES = Object.keys(LIMIT_NAMES) as readonly Rate[];

export const setIoThrottle = defineCommand(
  {
    name: 'block_set_io_throttle',
    summary: 'Limits the requests and bytes a second of a drive and of those in its group',
    arguments: struct('BlockIOThrottle', {
      ...driveName,
      ...throttleRates,
      ...throttleBursts,
    }),
  },
  (given, context) => {
    const { drive, name } = findDrive(context, given);
    if (!drive.medium) throw new BlockError('ENODEV', 'set limits', 'Device has no medium');
    const limits: Record<string, number> = { 'iops-size': given.iops_size ?? 0 };
    for (const rate of RATES) {
      const kind = LIMIT_NAMES[rate];
      limits[kind] = given[rate];
      limits[`${kind}-max`] = given[`${rate}_max`] ?? 0;
      limits[`${kind}-max-length`] = given[`${rate}_max_length`] ?? 1;
    }
    const group = given.group ?? drive.throttle?.group ?? name;
    context.machine.drives.throttle(drive, group, limits satisfies ThrottleLimits);
  },
);
