/**
 * The moments of a request at which blkdebug changes its state, takes up rules, and stops at
 * breakpoints.
 *
 * The names are QEMU's where it has one for the moment: what its block layer raises below a raw
 * format. Those of its other formats, such as `l2_update`, do not come here, and a rule for one is
 * refused rather than never obeyed. The names of our own: `read_done`, `flush_done`, `discard`,
 * `discard_done`, `block_status`.
 *
 *     read          read_aio                    ...  read_done
 *     write         write_aio  pwritev          ...  pwritev_done
 *     write zeroes  pwritev_zero                ...  pwritev_done
 *     flush         flush_to_os  flush_to_disk  ...  flush_done
 *     discard       discard                     ...  discard_done
 *     block status  block_status
 *
 * The second column comes before anything is done, the third when it is, or has failed.
 */

import { enumeration } from '../wire/qapi/composites.ts';
import type { Type } from '../wire/qapi/type.ts';
import type { FaultOperation } from './fault-request.ts';

/** All events there are. */
export const EVENTS = [
  'none',
  'read_aio',
  'read_done',
  'write_aio',
  'pwritev',
  'pwritev_zero',
  'pwritev_done',
  'flush_to_os',
  'flush_to_disk',
  'flush_done',
  'discard',
  'discard_done',
  'block_status',
] as const;

/** `none` is raised once, when the filter opens; a rule of it is in force from then on. */
export type BlkdebugEvent = (typeof EVENTS)[number];

/** An event in options. */
export const blkdebugEvent: Type<BlkdebugEvent> = enumeration('BlkdebugEvent', EVENTS);

interface RequestEvents {
  readonly before: readonly BlkdebugEvent[];
  readonly after: readonly BlkdebugEvent[];
}

/** The events of each kind of request, in order. */
export const EVENTS_OF: Readonly<Record<FaultOperation, RequestEvents>> = {
  read: { before: ['read_aio'], after: ['read_done'] },
  write: { before: ['write_aio', 'pwritev'], after: ['pwritev_done'] },
  'write-zeroes': { before: ['pwritev_zero'], after: ['pwritev_done'] },
  flush: { before: ['flush_to_os', 'flush_to_disk'], after: ['flush_done'] },
  discard: { before: ['discard'], after: ['discard_done'] },
  'block-status': { before: ['block_status'], after: [] },
};
