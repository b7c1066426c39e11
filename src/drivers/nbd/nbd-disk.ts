/**
 * An export of an NBD server as a disk.
 *
 * What QEMU does where the protocol leaves it open is done here as well: a flush that the server
 * does not offer succeeds, and a status that ends within a block of the server's is brought to
 * whole blocks (old servers told of the real end of a file).
 */

import { BlockError } from '../../base/errors.ts';
import type { Pending } from '../../base/pending.ts';
import { alignDown } from '../../base/ranges.ts';
import type {
  BlockDriver,
  BlockExtent,
  DriverLimits,
  DriverReopening,
  DriverSupport,
  WriteOptions,
  WriteZeroesOptions,
} from '../../block/driver.ts';
import { ALLOCATION, COMMAND, COMMAND_FLAG, EXPORT_FLAG } from '../../wire/nbd/constants.ts';
import type { StatusExtent } from '../../wire/nbd/replies.ts';
import { type Asked, ClientRequest } from './client-request.ts';
import type { Link } from './link.ts';
import { limitsOf } from './terms.ts';

export class NbdDisk implements BlockDriver {
  readonly limits: DriverLimits;
  readonly supports: DriverSupport;
  readonly reopening: DriverReopening;
  readonly children = [];
  readonly discard?: NonNullable<BlockDriver['discard']>;
  readonly blockStatus?: NonNullable<BlockDriver['blockStatus']>;
  readonly #link: Link;

  /** @param link Closed with the disk. */
  constructor(link: Link, reopening: DriverReopening) {
    this.reopening = reopening;
    this.#link = link;
    this.limits = limitsOf(link.terms);
    this.supports = { forceUnitAccess: this.#offers(EXPORT_FLAG.SEND_FUA) };
    if (this.#offers(EXPORT_FLAG.SEND_TRIM)) this.discard = this.#discard;
    if (link.terms.context !== undefined) this.blockStatus = this.#blockStatus;
  }

  size(): number {
    return this.#link.terms.size;
  }

  read(offset: number, into: Uint8Array): Pending {
    const { length } = into;
    if (length === 0) return;
    return this.#request({ command: COMMAND.READ, flags: 0, offset, length, into });
  }

  write(offset: number, from: Uint8Array, options: WriteOptions): Pending {
    const { length } = from;
    if (length === 0) return;
    return this.#request({ command: COMMAND.WRITE, flags: fuaOf(options), offset, length, from });
  }

  writeZeroes(offset: number, length: number, options: WriteZeroesOptions): Pending {
    const { mayUnmap, noFallback } = options;
    const { SEND_WRITE_ZEROES, SEND_FAST_ZERO } = EXPORT_FLAG;
    const isOffered =
      this.#offers(SEND_WRITE_ZEROES) && (!noFallback || this.#offers(SEND_FAST_ZERO));
    if (!isOffered) {
      const action = `zero ${length} bytes at ${offset} over NBD`;
      throw new BlockError('ENOTSUP', action, 'the server does not offer it');
    }
    if (length === 0) return;
    const hole = mayUnmap ? 0 : COMMAND_FLAG.NO_HOLE;
    const fast = noFallback ? COMMAND_FLAG.FAST_ZERO : 0;
    const flags = fuaOf(options) | hole | fast;
    return this.#request({ command: COMMAND.WRITE_ZEROES, flags, offset, length });
  }

  flush(): Pending {
    if (!this.#offers(EXPORT_FLAG.SEND_FLUSH)) return;
    return this.#request({ command: COMMAND.FLUSH, flags: 0, offset: 0, length: 0 });
  }

  cancelInFlight(): void {
    this.#link.cancel();
  }

  close(): Promise<void> {
    return this.#link.close();
  }

  readonly #discard = (offset: number, length: number): Pending => {
    if (length === 0) return;
    return this.#request({ command: COMMAND.TRIM, flags: 0, offset, length });
  };

  readonly #blockStatus = async (offset: number, length: number): Promise<BlockExtent> => {
    const { alignment, zeroesMax = length } = this.limits;
    const asked = { offset, length: Math.min(length, zeroesMax), flags: COMMAND_FLAG.REQ_ONE };
    const query = this.#submit({ command: COMMAND.BLOCK_STATUS, ...asked });
    await query.completed;
    const found = query.extent;
    const end = offset + found.length;
    if (end === this.size() || found.length % alignment === 0) return extentOf(found);
    const whole = alignDown(found.length, alignment);
    // Of part of a block nothing is told for the whole of it.
    return whole > 0
      ? extentOf({ ...found, length: whole })
      : extentOf({ length: alignment, flags: 0 });
  };

  #request(asked: Asked): Promise<void> {
    return this.#submit(asked).completed;
  }

  #submit(asked: Asked): ClientRequest {
    const request = new ClientRequest(asked);
    this.#link.submit(request);
    return request;
  }

  #offers(flag: number): boolean {
    return (this.#link.terms.flags & flag) !== 0;
  }
}

function fuaOf({ forceUnitAccess }: WriteOptions): number {
  return forceUnitAccess ? COMMAND_FLAG.FUA : 0;
}

function extentOf({ length, flags }: StatusExtent): BlockExtent {
  const data = (flags & ALLOCATION.HOLE) === 0;
  return { length, data, zero: (flags & ALLOCATION.ZERO) !== 0, allocated: true };
}
