/** Disks with a defect, for tests of what finds and shows it. */

import type { BlockDriver } from '../../src/block/driver.ts';
import type { SimDisk } from '../../src/sim/disk.ts';

/** A disk with some of its operations replaced; the optional ones are left out. */
export function replaced(disk: SimDisk, operations: Partial<BlockDriver>): BlockDriver {
  return {
    limits: disk.limits,
    supports: disk.supports,
    children: [],
    size: () => disk.size(),
    read: (...rest) => disk.read(...rest),
    write: (...rest) => disk.write(...rest),
    flush: (...rest) => disk.flush(...rest),
    close: () => disk.close(),
    ...operations,
  };
}

/** A target that does not make the second write to its first sector, and says that it did. */
export function forgetfulTarget(disk: SimDisk): BlockDriver {
  let writes = 0;
  if (disk.name === 'source') return replaced(disk, {});
  return replaced(disk, {
    write(offset, from, options, origin) {
      if (offset === 0) writes += 1;
      if (offset === 0 && writes === 2) return disk.flush(origin);
      return disk.write(offset, from, options, origin);
    },
  });
}
