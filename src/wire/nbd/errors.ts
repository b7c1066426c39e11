/**
 * Errors of disks as the protocol has them (`doc/proto.md`, "Error values"), both ways.
 *
 * The protocol has eight. What it has no value for is EIO, except where one of the eight says what
 * a client has to know: that a disk is full, or that it must not be written to.
 */

import type { BlockErrorCode } from '../../base/errors.ts';
import { NBD_ERROR } from './constants.ts';

const VALUES: Partial<Record<BlockErrorCode, number>> = {
  EPERM: NBD_ERROR.EPERM,
  EACCES: NBD_ERROR.EPERM,
  EROFS: NBD_ERROR.EPERM,
  EIO: NBD_ERROR.EIO,
  ENOMEM: NBD_ERROR.ENOMEM,
  EINVAL: NBD_ERROR.EINVAL,
  ENOSPC: NBD_ERROR.ENOSPC,
  EFBIG: NBD_ERROR.ENOSPC,
  ENOTSUP: NBD_ERROR.ENOTSUP,
  ESHUTDOWN: NBD_ERROR.ESHUTDOWN,
};

const CODES: Readonly<Record<number, BlockErrorCode>> = {
  [NBD_ERROR.EPERM]: 'EPERM',
  [NBD_ERROR.EIO]: 'EIO',
  [NBD_ERROR.ENOMEM]: 'ENOMEM',
  [NBD_ERROR.EINVAL]: 'EINVAL',
  [NBD_ERROR.ENOSPC]: 'ENOSPC',
  [NBD_ERROR.EOVERFLOW]: 'EINVAL',
  [NBD_ERROR.ENOTSUP]: 'ENOTSUP',
  [NBD_ERROR.ESHUTDOWN]: 'ESHUTDOWN',
};

/** @returns One of {@link NBD_ERROR}. */
export function errorValueOf(code: BlockErrorCode): number {
  return VALUES[code] ?? NBD_ERROR.EIO;
}

/** @returns The code of an error that a server sent; EINVAL for an unknown value, as with QEMU. */
export function errorCodeOf(value: number): BlockErrorCode {
  return CODES[value] ?? 'EINVAL';
}
