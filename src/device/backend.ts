/**
 * The back of the device: what the guest asks for becomes what a disk is asked for.
 *
 * It refuses what the device has to refuse, says which account a request belongs to, and leaves the
 * rest, failures above all, to the front.
 */

import { BlockError } from '../base/errors.ts';
import type { Pending } from '../base/pending.ts';
import type { WriteOptions } from '../block/driver.ts';
import type { BlockEdge } from '../block/edge.ts';
import type { DeviceAccounts } from './accounting.ts';
import { checkSegments, isOnDisk } from './check.ts';
import type { Shape } from './configuration.ts';
import type { Slot } from './queue.ts';
import {
  type DiscardRequest,
  ID_LENGTH,
  SECTOR_SIZE,
  type Segment,
  STATUS,
  type Status,
  type WriteZeroesRequest,
} from './request.ts';
import { encodeSerial } from './serial.ts';

const WRITE_THROUGH: WriteOptions = { forceUnitAccess: true };

export interface BackendOptions {
  /** The name of the device, for messages. */
  readonly name: string;
  /** What getId returns: up to 20 characters of ASCII. @default '' */
  readonly serial?: string | undefined;
  /** @default Whether the node is read-only. */
  readonly readOnly?: boolean;
  /** Completed writes may stay in a volatile cache until a flush. @default true */
  readonly writeCache?: boolean | undefined;
  readonly shape?: Pick<Shape, 'logicalBlockSize'>;
}

export class Backend {
  readonly edge: BlockEdge;
  readonly readOnly: boolean;
  /** Completed writes may stay in a volatile cache until a flush. */
  writeback: boolean;
  readonly #operations: DeviceAccounts['operations'];
  readonly #id: Uint8Array;
  readonly #blockSize: number;

  /**
   * @throws {BlockError} `EPERM` when the disk is read-only and the device is not to be.
   * @throws {RangeError} For a serial number that cannot be.
   */
  constructor(edge: BlockEdge, { operations }: DeviceAccounts, options: BackendOptions) {
    const { name, serial = '', writeCache = true } = options;
    const { readOnly = edge.node.options.readOnly } = options;
    if (edge.node.options.readOnly && !readOnly) {
      throw new BlockError('EPERM', `attach "${name}" for writing`, 'the disk is read-only');
    }
    this.edge = edge;
    this.readOnly = readOnly;
    this.writeback = writeCache;
    this.#operations = operations;
    this.#id = encodeSerial(serial);
    this.#blockSize = options.shape?.logicalBlockSize ?? SECTOR_SIZE;
  }

  /** @returns The disk's answer, or the status of a request that it was not asked for. */
  start(slot: Slot): Pending | Status {
    const { edge } = this;
    const { request } = slot;
    const operations = this.#operations;
    switch (request.type) {
      case 'in': {
        slot.account = operations.in;
        const { sector, data } = request;
        if (!isOnDisk(request, edge.size, this.#blockSize)) return STATUS.IOERR;
        return edge.read(sector * SECTOR_SIZE, data);
      }
      case 'out': {
        slot.account = operations.out;
        const { sector, data } = request;
        if (this.readOnly || !isOnDisk(request, edge.size, this.#blockSize)) return STATUS.IOERR;
        const options = this.writeback ? undefined : WRITE_THROUGH;
        return edge.write(sector * SECTOR_SIZE, data, options);
      }
      case 'flush':
        slot.account = operations.flush;
        return edge.flush();
      case 'discard':
      case 'writeZeroes': {
        slot.account = operations[request.type];
        const status = checkSegments(request, { size: edge.size, readOnly: this.readOnly });
        if (status !== STATUS.OK) return status;
        return this.#startSegments(request);
      }
      case 'getId':
        slot.account = operations.getId;
        if (request.data.length !== ID_LENGTH) return STATUS.IOERR;
        request.data.set(this.#id);
        return;
      default:
        // A type that the types do not know (5.2.6); there is no account for it.
        slot.account = undefined;
        return STATUS.UNSUPP;
    }
  }

  #startSegments(request: DiscardRequest | WriteZeroesRequest): Pending {
    const forceUnitAccess = !this.writeback;
    const startOne = ({ sector, sectors, unmap }: Segment) => {
      const [offset, length] = [sector * SECTOR_SIZE, sectors * SECTOR_SIZE];
      if (request.type === 'discard') return this.edge.discard(offset, length);
      return this.edge.writeZeroes(offset, length, { forceUnitAccess, mayUnmap: unmap });
    };
    const [first, ...others] = request.segments;
    if (first && others.length === 0) return startOne(first);
    return inTurn(request.segments, startOne);
  }
}

async function inTurn<T>(items: readonly T[], act: (item: T) => Pending): Promise<void> {
  for (const item of items) await act(item);
}
