/** A chardev that is one stream from the beginning, such as a file, or none. */

import type { Connection } from '../../env/sockets.ts';
import type { ChardevBackend } from './chardev.ts';

/** @param connection What it is; without one, all that is said is lost. */
export function singleBackend(type: string, connection?: Connection): ChardevBackend {
  let left = connection;
  return {
    type,
    filename: () => type,
    async next() {
      const next = left;
      left = undefined;
      return next;
    },
    async close() {
      left = undefined;
    },
  };
}
