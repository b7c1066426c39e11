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
 * A failure of the disk may stop the machine instead of failing the request, which then is kept.
 * While it is stopped nothing new starts: requests wait in the queue, those that were kept before
 * those that were not. What was in flight ends, and the guest is told.
 *
 * The device holds an edge, not a node: a pivot redirects it, and the device goes on without
 * noticing. Buffers are the guest's and are used in place, which is why it must not touch them
 * before the request has completed.
 */

import { BlockError } from '../base/errors.ts';
import type { Pending } from '../base/pending.ts';
import type { BlockEdge } from '../block/edge.ts';
import type { IoStatus } from '../block/error-policy.ts';
import type { Clock } from '../env/env.ts';
import { Signal } from '../sync/signal.ts';
import { DeviceAccounts, type DeviceStatistics } from './accounting.ts';
import { Backend } from './backend.ts';
import {
  configurationOf,
  type DeviceConfiguration,
  type Feature,
  featuresOf,
} from './configuration.ts';
import { Failures, pathOf } from './failures.ts';
import type { VirtioBlockOptions } from './options.ts';
import { RequestQueue, type Slot } from './queue.ts';
import {
  type Complete,
  type GuestRequest,
  lengthOf,
  SECTOR_SIZE,
  STATUS,
  type Status,
} from './request.ts';
import { WaitingLine } from './waiting-line.ts';

/** Bytes, with {@link REQUEST_COST} for each request, between two turns of the event loop. */
const TURN_BUDGET = 8 * 1024 * 1024;

/** What a request costs beside its bytes: about the time that copying so many takes. */
const REQUEST_COST = 4096;

/** What it does with its queue; `leaving` it is stopped and closed, and fails what waits. */
type Phase = 'running' | 'stopped' | 'leaving';

export class VirtioBlockDevice {
  readonly name: string;
  readonly readOnly: boolean;
  /** The features that it offers (5.2.3). */
  readonly features: ReadonlySet<Feature>;
  readonly #backend: Backend;
  readonly #clock: Clock;
  readonly #options: VirtioBlockOptions;
  readonly #failures: Failures;
  readonly #queue: RequestQueue;
  readonly #accounts: DeviceAccounts;
  readonly #line: WaitingLine;
  readonly #idle = new Signal();
  #phase: Phase = 'running';
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
    this.name = name;
    this.#accounts = options.accounts ?? new DeviceAccounts(clock.nowMs());
    this.#backend = new Backend(edge, this.#accounts, options);
    this.readOnly = this.#backend.readOnly;
    this.features = featuresOf(this, options.shape);
    this.#clock = clock;
    this.#options = options;
    this.#failures = new Failures(options);
    this.#line = new WaitingLine(name);
    this.#queue = new RequestQueue(queueSize, {
      done: (slot) => this.#done(slot),
      failed: (slot, error) => this.#fail(slot, error),
    });
  }

  /** The configuration space (5.2.4). It follows the disk, whose size may change. */
  get config(): DeviceConfiguration {
    const now = { queueSize: this.#queue.size, writeback: this.#backend.writeback };
    return configurationOf(this.#backend.edge.node, now, this.#options.shape);
  }

  /** Sectors of 512 bytes. */
  get capacity(): number {
    return Math.floor(this.#backend.edge.size / SECTOR_SIZE);
  }

  get queueSize(): number {
    return this.#queue.size;
  }

  /** Requests waiting or in flight. */
  get queueDepth(): number {
    return this.#queue.filledCount;
  }

  /** Whether it takes no requests any more. */
  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /** Whether the machine is stopped, for this device. */
  get stopped(): boolean {
    return this.#phase === 'stopped';
  }

  /** Which error stopped the machine, until {@link cont}; `undefined` when none can. */
  get ioStatus(): IoStatus | undefined {
    return this.#failures.ioStatus;
  }

  /** Its place in QEMU's tree of objects, as DEVICE_DELETED tells it. */
  get path(): string {
    return pathOf(this.#options);
  }

  /** As the guest sets the writeback field (VIRTIO_BLK_F_CONFIG_WCE); for requests from now on. */
  setWriteback(writeback: boolean): void {
    this.#backend.writeback = writeback;
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
    if (this.#line.length > 0) return false;
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
      } else if (this.#line.length > 0 || !this.#accept(request, resolve)) {
        this.#line.push({ request, resolve, reject });
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

  /**
   * Stops with the machine: starts nothing until {@link cont}.
   *
   * @returns Resolves when nothing is in flight any more, or the machine continues before that.
   */
  async stop(): Promise<void> {
    if (this.#phase === 'running') this.#halt();
    while (this.#phase !== 'running' && this.#queue.inFlightCount > 0) await this.#idle.wait();
  }

  /** Goes on with the machine: what failed is tried again, then what has waited meanwhile. */
  cont(): void {
    this.#failures.forget();
    if (this.#phase !== 'stopped') return;
    this.#phase = 'running';
    this.#stampMs = this.#clock.nowMs();
    this.#idle.notifyAll();
    this.#queue.putBack();
    this.#wake();
  }

  /** Starts anew, as when the machine is reset: what waits in a stopped machine never happens. */
  reset(): void {
    if (this.#phase !== 'stopped') return;
    this.#failures.forget();
    this.#queue.putBack();
    for (const slot of this.#queue.takeAll()) this.#giveUp(slot);
  }

  /**
   * Unplugs the device: it takes no more requests, waits until those in the queue have completed,
   * and leaves the disk. In a stopped machine those that are not in flight complete with IOERR,
   * for the disk is not to change then. Errors do not stop the machine any more.
   */
  close(): Promise<void> {
    if (!this.#closing) {
      this.#closing = this.#shutDown();
      // Not before the line above: a guest that is answered may ask again.
      if (this.#phase === 'stopped') this.#leave();
    }
    return this.#closing;
  }

  async #shutDown(): Promise<void> {
    this.#line.rejectAll(this.#shutDownError());
    while (this.#queue.filledCount > 0) await this.#idle.wait();
    this.#backend.edge.close();
  }

  #halt(): void {
    this.#phase = 'stopped';
    if (this.#closing) this.#leave();
  }

  #leave(): void {
    this.#phase = 'leaving';
    this.#queue.putBack();
    this.#wake();
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
    this.#wake();
    return true;
  }

  #wake(): void {
    if (!this.#processing && !this.#resting) this.#process();
  }

  /** Carries out what waits in the queue, until it is empty or the budget of this turn is spent. */
  #process(): void {
    this.#processing = true;
    try {
      while (this.#budget > 0 && this.#phase !== 'stopped') {
        const slot = this.#queue.shift();
        if (!slot) return;
        this.#budget -= REQUEST_COST;
        if (this.#phase === 'running') this.#carryOut(slot);
        else this.#giveUp(slot);
      }
    } finally {
      this.#processing = false;
      // Also when a callback has thrown: the others must not wait for ever.
      if (this.#queue.waitingCount > 0 && this.#phase !== 'stopped') this.#rest();
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
      started = this.#backend.start(slot);
    } catch (error) {
      this.#fail(slot, error);
      return;
    }
    if (started instanceof Promise) void started.then(slot.done, slot.failed);
    else if (typeof started === 'number') this.#refuseInvalid(slot, started);
    else this.#done(slot);
  }

  #done(slot: Slot): void {
    const nowMs = this.#clock.nowMs();
    const length = lengthOf(slot.request);
    this.#budget -= length;
    slot.account?.countDone(length, slot.startMs, nowMs);
    this.#end(slot, STATUS.OK, nowMs);
  }

  #fail(slot: Slot, error: unknown): void {
    this.#stampMs = this.#clock.nowMs();
    if (!(error instanceof BlockError)) {
      // A defect of this program, which is no answer to a guest.
      slot.account?.countFailed(slot.startMs, this.#stampMs);
      this.#leaveQueue(slot);
      throw error;
    }
    const wanted = this.#failures.actionFor(slot.request, error);
    const action = wanted === 'stop' && this.#closing ? 'report' : wanted;
    if (action === 'stop') {
      // Before anybody is told: who is may let the machine continue, or unplug the device.
      this.#queue.keep(slot);
      this.#phase = 'stopped';
      this.#idle.notifyAll();
    }
    const nodeName = this.#backend.edge.node.name;
    this.#failures.tell({ request: slot.request, error, action, nodeName });
    if (action === 'ignore') this.#done(slot);
    else if (action === 'report') this.#report(slot, error);
    else if (this.stopped) this.#options.onStop?.('io-error');
  }

  /** Fails a request that waits in a device that leaves. */
  #giveUp(slot: Slot): void {
    slot.account = this.#accounts.operations[slot.request.type];
    this.#stampMs = this.#clock.nowMs();
    this.#report(slot, this.#shutDownError());
  }

  #report(slot: Slot, error: BlockError): void {
    slot.account?.countFailed(slot.startMs, this.#stampMs);
    this.#options.onError?.(error, slot.request);
    this.#end(slot, STATUS.IOERR, this.#stampMs);
  }

  #refuseInvalid(slot: Slot, status: Status): void {
    const nowMs = this.#clock.nowMs();
    slot.account?.countInvalid(nowMs);
    this.#end(slot, status, nowMs);
  }

  #end(slot: Slot, status: Status, nowMs: number): void {
    const { complete } = slot;
    this.#stampMs = nowMs;
    this.#leaveQueue(slot);
    complete(status, nowMs);
    if (this.#line.length > 0) this.#admit();
  }

  #leaveQueue(slot: Slot): void {
    this.#accounts.end(this.#stampMs);
    this.#queue.release(slot);
    if (this.#idle.waiting > 0) this.#idle.notifyAll();
  }

  /** Lets those who wait for a slot have the free ones. */
  #admit(): void {
    while (this.#queue.filledCount < this.#queue.size) {
      // Out of the line first: its request may complete at once, and bring us here again.
      const waiter = this.#line.shift();
      if (!waiter) return;
      this.#accept(waiter.request, waiter.resolve);
    }
  }
}
