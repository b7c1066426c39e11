/**
 * The front-end: a virtio block device, as virtio 1.2 describes it in section 5.2.
 *
 * A guest submits requests, at most `queueSize` at a time, and each completes once, with a status,
 * in whatever order the disk gives. The device works through its queue in a loop, as a real one
 * works through its avail ring: a request that is submitted from a completion callback joins the
 * queue, so a disk that completes at once does not make the stack grow. And so that a guest that
 * always asks again does not shut out timers and other I/O, the loop lets the rest of the program
 * run after every {@link TURN_BUDGET} bytes; requests wait meanwhile.
 *
 *     submit() --> queue --> check --> edge --> node ...
 *                    ^                            |  at once, or by a promise
 *        callback ---+--- account <--- status <---+
 *
 * The device holds an edge, not a node: a pivot redirects it, and the device goes on without
 * noticing. Buffers are the guest's and are used in place, which is why it must not touch them
 * before the request has completed.
 */

import { BlockError } from '../base/errors.ts';
import type { Pending } from '../base/pending.ts';
import { isPowerOfTwo } from '../base/ranges.ts';
import type { WriteOptions } from '../block/driver.ts';
import type { BlockEdge } from '../block/edge.ts';
import type { Clock } from '../env/env.ts';
import { Signal } from '../sync/signal.ts';
import { DeviceAccounts, type DeviceStatistics } from './accounting.ts';
import { checkSegments, isOnDisk } from './check.ts';
import {
  configurationOf,
  type DeviceConfiguration,
  type Feature,
  featuresOf,
} from './configuration.ts';
import { RequestQueue, type Slot } from './queue.ts';
import {
  type Complete,
  type GuestRequest,
  ID_LENGTH,
  lengthOf,
  SECTOR_SIZE,
  type Segment,
  STATUS,
  type Status,
} from './request.ts';
import { encodeSerial } from './serial.ts';

export interface VirtioBlockOptions {
  readonly name: string;
  /** What getId returns: up to 20 characters of ASCII. @default '' */
  readonly serial?: string;
  /** @default Whether the node is read-only. */
  readonly readOnly?: boolean;
  /** How many requests there may be at a time: a power of two up to 32768. @default 256 */
  readonly queueSize?: number;
  /** Completed writes may stay in a volatile cache until a flush. @default true */
  readonly writeCache?: boolean;
  /** Told of each failure of the disk, whose kind the status does not show. */
  readonly onError?: (error: BlockError, request: GuestRequest) => void;
}

/** The largest virtqueue (virtio 1.2, 2.7). */
export const QUEUE_SIZE_MAX = 32_768;

/** Most calls of {@link VirtioBlockDevice.request} that wait for a slot. */
export const WAITERS_MAX = 1024;

/** Bytes, with {@link REQUEST_COST} for each request, between two turns of the event loop. */
const TURN_BUDGET = 8 * 1024 * 1024;

/** What a request costs beside its bytes: about the time that copying so many takes. */
const REQUEST_COST = 4096;

const WRITE_THROUGH: WriteOptions = { forceUnitAccess: true };

/** A call of request() that waits for a slot. */
interface Waiter {
  readonly request: GuestRequest;
  readonly resolve: (status: Status) => void;
  readonly reject: (error: BlockError) => void;
}

export class VirtioBlockDevice {
  readonly name: string;
  readonly readOnly: boolean;
  /** The features that it offers (5.2.3). */
  readonly features: ReadonlySet<Feature>;
  readonly #edge: BlockEdge;
  readonly #clock: Clock;
  readonly #onError: VirtioBlockOptions['onError'];
  readonly #id: Uint8Array;
  readonly #queue: RequestQueue;
  readonly #accounts: DeviceAccounts;
  readonly #waiters: Waiter[] = [];
  readonly #idle = new Signal();
  #writeback: boolean;
  #budget = TURN_BUDGET;
  /** When the last request completed. */
  #stampMs = 0;
  #processing = false;
  #resting = false;
  #closing: Promise<void> | undefined;

  /**
   * @param edge The device's own way to its disk, which it closes when it closes.
   * @throws {BlockError} `EPERM` when the disk is read-only and the device is not to be.
   * @throws {RangeError} For a queue size or a serial number that cannot be.
   */
  constructor(edge: BlockEdge, clock: Clock, options: VirtioBlockOptions) {
    const { name, queueSize = 256 } = options;
    const { readOnly = edge.node.options.readOnly } = options;
    if (edge.node.options.readOnly && !readOnly) {
      throw new BlockError('EPERM', `attach "${name}" for writing`, 'the disk is read-only');
    }
    if (!isPowerOfTwo(queueSize) || queueSize > QUEUE_SIZE_MAX) {
      const rule = `the queue size must be a power of two up to ${QUEUE_SIZE_MAX}`;
      throw new RangeError(`Cannot make a device: ${rule}: ${queueSize}`);
    }
    this.name = name;
    this.readOnly = readOnly;
    this.features = featuresOf({ readOnly });
    this.#edge = edge;
    this.#clock = clock;
    this.#onError = options.onError;
    this.#id = encodeSerial(options.serial ?? '');
    this.#writeback = options.writeCache ?? true;
    this.#accounts = new DeviceAccounts(clock.nowMs());
    this.#queue = new RequestQueue(queueSize, {
      done: (slot) => this.#done(slot),
      failed: (slot, error) => this.#fail(slot, error),
    });
  }

  /** The configuration space (5.2.4). It follows the disk, whose size may change. */
  get config(): DeviceConfiguration {
    return configurationOf(this.#edge.node, {
      queueSize: this.#queue.size,
      writeback: this.#writeback,
    });
  }

  /** Sectors of 512 bytes. */
  get capacity(): number {
    return Math.floor(this.#edge.size / SECTOR_SIZE);
  }

  get queueSize(): number {
    return this.#queue.size;
  }

  /** Requests waiting or in flight. */
  get queueDepth(): number {
    return this.#accounts.depth;
  }

  /** Whether it takes no requests any more. */
  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /** As the guest sets the writeback field (VIRTIO_BLK_F_CONFIG_WCE); for requests from now on. */
  setWriteback(writeback: boolean): void {
    this.#writeback = writeback;
  }

  /**
   * Submits a request.
   *
   * @param request Not to be changed, nor its buffer, before it has completed.
   * @param complete Called once, perhaps before this call returns; after {@link close} with IOERR.
   * @returns False when the queue is full, or others wait for a slot: nothing has happened then.
   */
  submit(request: GuestRequest, complete: Complete): boolean {
    if (this.#closing) {
      this.#refuse(complete);
      return true;
    }
    // Without this, a guest that fills each slot the moment it is free would shut out the waiters.
    if (this.#waiters.length > 0) return false;
    return this.#accept(request, complete);
  }

  /**
   * Submits a request, waiting for a slot if it has to. Time spent waiting is not accounted: the
   * device has not seen the request then.
   *
   * @param request As for {@link submit}.
   * @throws {RangeError} When too many wait already.
   * @throws {BlockError} `ESHUTDOWN` when the device was closed before there was a slot.
   */
  request(request: GuestRequest): Promise<Status> {
    return new Promise((resolve, reject) => {
      if (this.#closing) {
        reject(this.#shutDownError());
      } else if (this.#waiters.length >= WAITERS_MAX) {
        const rule = `at most ${WAITERS_MAX} requests may wait for a slot`;
        reject(new RangeError(`Cannot submit to "${this.name}": ${rule}: ${WAITERS_MAX} do`));
      } else if (this.#waiters.length > 0 || !this.#accept(request, resolve)) {
        this.#waiters.push({ request, resolve, reject });
      }
    });
  }

  /** @returns What the guest asked for and how long it took, up to now. */
  statistics(): DeviceStatistics {
    return this.#accounts.statistics(this.#clock.nowMs());
  }

  /** Begins the accounts anew. */
  resetStatistics(): void {
    this.#accounts.reset(this.#clock.nowMs());
  }

  /** Takes no more requests, waits until those in the queue have completed, and leaves the disk. */
  close(): Promise<void> {
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  async #shutDown(): Promise<void> {
    for (const { reject } of this.#waiters.splice(0)) reject(this.#shutDownError());
    while (this.#accounts.depth > 0) await this.#idle.wait();
    this.#edge.close();
  }

  #shutDownError(): BlockError {
    return new BlockError('ESHUTDOWN', `submit to "${this.name}"`, 'the device is closed');
  }

  /** Completes a request that came too late; in a later turn, for its guest may ask again. */
  #refuse(complete: Complete): void {
    void this.#clock.turn().then(() => complete(STATUS.IOERR, this.#clock.nowMs()));
  }

  #accept(request: GuestRequest, complete: Complete): boolean {
    const slot = this.#queue.take();
    if (!slot) return false;
    // Behind others in the queue, the time that the callback took to get here does not count: the
    // stamp of the completion it was called for will do, and saves a tenth of the request.
    const stamped = this.#processing && this.#queue.waitingCount > 0;
    const nowMs = stamped ? this.#stampMs : this.#clock.nowMs();
    slot.request = request;
    slot.complete = complete;
    slot.startMs = nowMs;
    this.#accounts.begin(nowMs);
    this.#queue.push(slot);
    if (!this.#processing && !this.#resting) this.#process();
    return true;
  }

  /** Carries out what waits in the queue, until it is empty or the budget of this turn is spent. */
  #process(): void {
    this.#processing = true;
    try {
      while (this.#budget > 0) {
        const slot = this.#queue.shift();
        if (!slot) return;
        this.#budget -= REQUEST_COST;
        this.#carryOut(slot);
      }
    } finally {
      this.#processing = false;
      // Also when a callback has thrown: the others must not wait for ever.
      if (this.#queue.waitingCount > 0) this.#rest();
    }
  }

  #rest(): void {
    this.#resting = true;
    void this.#clock.turn().then(() => {
      this.#resting = false;
      this.#budget = TURN_BUDGET;
      this.#process();
    });
  }

  #carryOut(slot: Slot): void {
    let started: Pending | Status;
    try {
      started = this.#start(slot);
    } catch (error) {
      this.#fail(slot, error);
      return;
    }
    if (started instanceof Promise) void started.then(slot.done, slot.failed);
    else if (typeof started === 'number') this.#refuseInvalid(slot, started);
    else this.#done(slot);
  }

  /** @returns The disk's answer, or the status of a request that it was not asked for. */
  #start(slot: Slot): Pending | Status {
    const { request } = slot;
    const { operations } = this.#accounts;
    switch (request.type) {
      case 'in': {
        slot.account = operations.in;
        const { sector, data } = request;
        if (!isOnDisk(request, this.#edge.size)) return STATUS.IOERR;
        return this.#edge.read(sector * SECTOR_SIZE, data);
      }
      case 'out': {
        slot.account = operations.out;
        const { sector, data } = request;
        if (this.readOnly || !isOnDisk(request, this.#edge.size)) return STATUS.IOERR;
        const options = this.#writeback ? undefined : WRITE_THROUGH;
        return this.#edge.write(sector * SECTOR_SIZE, data, options);
      }
      case 'flush':
        slot.account = operations.flush;
        return this.#edge.flush();
      case 'discard':
      case 'writeZeroes': {
        slot.account = operations[request.type];
        const status = checkSegments(request, { size: this.#edge.size, readOnly: this.readOnly });
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

  #startSegments(request: Extract<GuestRequest, { segments: unknown }>): Pending {
    const options = { forceUnitAccess: !this.#writeback };
    const startOne = ({ sector, sectors, unmap }: Segment) => {
      const [offset, length] = [sector * SECTOR_SIZE, sectors * SECTOR_SIZE];
      if (request.type === 'discard') return this.#edge.discard(offset, length);
      return this.#edge.writeZeroes(offset, length, { ...options, mayUnmap: unmap });
    };
    const [first, ...others] = request.segments;
    if (first && others.length === 0) return startOne(first);
    return inTurn(request.segments, startOne);
  }

  #done(slot: Slot): void {
    const nowMs = this.#clock.nowMs();
    const length = lengthOf(slot.request);
    this.#budget -= length;
    const { account } = slot;
    if (account) {
      account.requests += 1;
      account.bytes += length;
      account.latency.record(nowMs - slot.startMs);
    }
    this.#end(slot, STATUS.OK, nowMs);
  }

  #fail(slot: Slot, error: unknown): void {
    const nowMs = this.#clock.nowMs();
    const { request, account } = slot;
    if (account) {
      account.failed += 1;
      account.latency.record(nowMs - slot.startMs);
    }
    if (!(error instanceof BlockError)) {
      // A defect of this program, which is no answer to a guest.
      this.#accounts.end(nowMs);
      this.#queue.release(slot);
      throw error;
    }
    this.#onError?.(error, request);
    this.#end(slot, STATUS.IOERR, nowMs);
  }

  #refuseInvalid(slot: Slot, status: Status): void {
    if (slot.account) slot.account.invalid += 1;
    this.#end(slot, status, this.#clock.nowMs());
  }

  #end(slot: Slot, status: Status, nowMs: number): void {
    const { complete } = slot;
    this.#stampMs = nowMs;
    this.#accounts.end(nowMs);
    this.#queue.release(slot);
    complete(status, nowMs);
    if (this.#waiters.length > 0) this.#admit();
    if (this.#closing && this.#accounts.depth === 0) this.#idle.notifyAll();
  }

  /** Lets those who wait for a slot have the free ones. */
  #admit(): void {
    while (this.#accounts.depth < this.#queue.size) {
      // Out of the line first: its request may complete at once, and bring us here again.
      const waiter = this.#waiters.shift();
      if (!waiter) return;
      this.#accept(waiter.request, waiter.resolve);
    }
  }
}

async function inTurn<T>(items: readonly T[], act: (item: T) => Pending): Promise<void> {
  for (const item of items) await act(item);
}
