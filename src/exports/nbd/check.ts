/**
 * What is wrong with a request, before the disk is asked (`doc/proto.md`, "Error values" and
 * "Request types").
 */

import { COMMAND, COMMAND_FLAG, NBD_ERROR } from '../../wire/nbd/constants.ts';
import type { NbdRequest } from '../../wire/nbd/requests.ts';
import { PAYLOAD_MAX } from './limits.ts';

/** Why a request is not carried out. */
export interface Refusal {
  /** One of {@link NBD_ERROR}. */
  readonly error: number;
  /** For people. */
  readonly text: string;
}

/** What a client has agreed to. */
export interface Agreement {
  readonly writable: boolean;
  readonly extended: boolean;
  readonly structured: boolean;
  /** What offsets and lengths must be multiples of, but for the end of the disk; bytes. */
  readonly minimum: number;
  /** Whether the client has chosen something to be told by a block status. */
  readonly hasContexts: boolean;
}

/** @param size Of the disk, as it is now, in bytes. */
export function check(
  request: NbdRequest,
  agreement: Agreement,
  size: number,
): Refusal | undefined {
  const { command, flags, offset, length } = request;
  // There is no answer to it, so it cannot be refused, whatever else it says.
  if (command === COMMAND.DISC) return undefined;
  if (command > COMMAND.BLOCK_STATUS) return refuse(NBD_ERROR.EINVAL, `no command ${command}`);
  const unknown = flags & ~flagsOf(command, agreement);
  if (unknown !== 0) return refuse(NBD_ERROR.EINVAL, `flags that it does not have: ${unknown}`);
  if (command === COMMAND.FLUSH) return undefined;
  const isWrite = command === COMMAND.WRITE || command === COMMAND.WRITE_ZEROES;
  if (!agreement.writable && (isWrite || command === COMMAND.TRIM)) {
    return refuse(NBD_ERROR.EPERM, 'the export is read-only');
  }
  if (isTransfer(command) && length > PAYLOAD_MAX) {
    return refuse(NBD_ERROR.EINVAL, `at most ${PAYLOAD_MAX} bytes: ${length}`);
  }
  const end = offset + length;
  if (end > size) {
    const rule = `the export has ${size} bytes: ${length} at ${offset}`;
    return refuse(isWrite ? NBD_ERROR.ENOSPC : NBD_ERROR.EINVAL, rule);
  }
  const { minimum } = agreement;
  if (offset % minimum !== 0 || (end % minimum !== 0 && end !== size)) {
    return refuse(NBD_ERROR.EINVAL, `multiples of ${minimum}: ${length} bytes at ${offset}`);
  }
  return checkOwnRules(request, agreement);
}

/** What only one kind of request has to keep to. */
function checkOwnRules(
  { command, flags, length }: NbdRequest,
  { hasContexts, extended }: Agreement,
): Refusal | undefined {
  if (command === COMMAND.BLOCK_STATUS) {
    if (length === 0) return refuse(NBD_ERROR.EINVAL, 'the status of 0 bytes');
    if (!hasContexts) return refuse(NBD_ERROR.EINVAL, 'no metadata context was negotiated');
  }
  const isBare = command === COMMAND.WRITE && extended && (flags & COMMAND_FLAG.PAYLOAD_LEN) === 0;
  if (isBare && length > 0) return refuse(NBD_ERROR.EINVAL, 'a write without payload');
  return undefined;
}

/** The flags that a request may have; FUA is allowed for all of them. */
function flagsOf(command: number, { structured, extended }: Agreement): number {
  const { FUA, DF, PAYLOAD_LEN, NO_HOLE, FAST_ZERO, REQ_ONE } = COMMAND_FLAG;
  switch (command) {
    case COMMAND.READ:
      return structured ? FUA | DF : FUA;
    case COMMAND.WRITE:
      return extended ? FUA | PAYLOAD_LEN : FUA;
    case COMMAND.WRITE_ZEROES:
      return FUA | NO_HOLE | FAST_ZERO;
    case COMMAND.BLOCK_STATUS:
      return FUA | REQ_ONE;
    default:
      return FUA;
  }
}

/** Whether its bytes go through memory here. */
export function isTransfer(command: number): boolean {
  return command === COMMAND.READ || command === COMMAND.WRITE || command === COMMAND.CACHE;
}

function refuse(error: number, text: string): Refusal {
  return { error, text };
}
