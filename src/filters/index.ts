/** The filters: drivers that stand on one node and show it, changed in one respect. */

import type { DriverRegistry } from '../block/driver.ts';
import { blkdebug } from './blkdebug.ts';
import { blkverify } from './blkverify.ts';
import { copyOnRead } from './copy-on-read.ts';
import { delay } from './delay.ts';
import { throttle } from './throttle.ts';
import { ThrottleGroups } from './throttle-groups.ts';
import { writeCache } from './write-cache.ts';

export const filters = {
  blkdebug,
  blkverify,
  'copy-on-read': copyOnRead,
  delay,
  // Where nobody has groups, a disk gives its limits itself.
  throttle: throttle(new ThrottleGroups()),
  'write-cache': writeCache,
} satisfies DriverRegistry;

/** The same, for a machine with throttle groups. */
export function filtersOf(groups: ThrottleGroups): typeof filters {
  return { ...filters, throttle: throttle(groups) };
}
