/** Opens files and block devices as disks; {@link FileDisk} is what comes of it. */

import { defineDriver } from '../block/driver.ts';
import { refuse, unsupported } from '../block/options.ts';
import { enumeration, optional, withDefault, withFeatures } from '../wire/qapi/composites.ts';
import { bool, int, str } from '../wire/qapi/scalars.ts';
import { FileDisk } from './file-disk.ts';
import { openFile } from './file-opening.ts';

export const file = defineDriver(
  () => ({
    filename: str,
    'pr-manager': optional(unsupported(str)),
    /** `off` lets other programs and disks write to the file as well. */
    locking: withDefault(enumeration('OnOffAuto', ['auto', 'on', 'off']), 'auto'),
    /** How requests are to reach the kernel; here it is one way, whatever is said. */
    aio: withDefault(
      enumeration('BlockdevAioOptions', ['threads', 'native', 'io_uring']),
      'threads',
    ),
    'aio-max-batch': optional(int),
    /** Whether caches are dropped when a guest moves to another host, as none does here. */
    'drop-cache': optional(bool),
    'x-check-cache-dropped': withFeatures(
      optional(unsupported(bool, (value) => !value)),
      'unstable',
    ),
  }),
  {
    summary: 'A file or a block device',
    async open({ filename: path, locking, aio }, { env, cache, ...context }) {
      if (path === '') throw refuse("The 'file' block driver requires a file name");
      if (aio === 'native' && !cache.direct) {
        const rule = 'but it requires cache.direct=on, which was not specified.';
        throw refuse(`aio=native was specified, ${rule}`);
      }
      const isShared = locking === 'off' || context.forceShare;
      const place = { env, path, isShared };
      const opened = await openFile(place, { ...context, direct: cache.direct });
      return new FileDisk(place, opened, { unmap: context.unmap, flushes: !cache.noFlush });
    },
  },
);
