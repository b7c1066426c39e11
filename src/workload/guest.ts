/**
 * A guest: reads and writes blocks of a disk, and remembers what it wrote.
 *
 * Each request in flight has a lane with a buffer of its own. A lane that is free takes the next
 * request that is due; in a closed loop one always is. The guest never has two writes to a block in
 * flight, as a filesystem would not, so that the last acknowledged one is what the block must hold;
 * a write whose block is busy goes to another.
 *
 *     timer or completion --> pump: while a lane is free and a request is due
 *                                      block, content --> device.submit() --> completed: log, check
 *                               ^                                                      |
 *                               +------------------------------------------------------+
 */

import { BlockError } from '../base/errors.ts';
import { type Random, seededRandom } from '../base/random.ts';
import { type Complete, SECTOR_SIZE, STATUS, type Status } from '../device/request.ts';
import type { VirtioBlockDevice } from '../device/virtio-blk.ts';
import type { Clock, Timer } from '../env/env.ts';
import { type BlockBuffer, blockBuffer } from './content.ts';
import { GuestAccounts, type GuestStatistics } from './guest-accounts.ts';
import { type GuestOptions, type GuestPlan, planGuest } from './guest-options.ts';
import { GuestLog } from './oracle.ts';
import { closedLoop, openLoop, type Pace } from './pace.ts';
import { blockChooser } from './pattern.ts';

/** Most requests that may be due and not started; older ones are given up, and counted. */
export const BACKLOG_MAX = 100_000;

/** How often another block is drawn for a write whose block is busy, before its neighbours are. */
const REDRAWS_MAX = 8;

/** A running guest. */
export interface Guest {
  /** What it wrote, to check disks against. */
  readonly log: GuestLog;
  /** Resolves when it has stopped and nothing is in flight; rejects if it could not go on. */
  readonly finished: Promise<void>;
  /** Issues nothing more. @returns {@link Guest.finished}. */
  stop(): Promise<void>;
  statistics(): GuestStatistics;
}

/**
 * Starts a guest. It must be the only one that writes to its area.
 *
 * @throws {RangeError} For options that contradict the device or one another.
 */
export function runGuest(device: VirtioBlockDevice, clock: Clock, options: GuestOptions): Guest {
  const guest = new LaneGuest(device, clock, planGuest(device, options));
  guest.start();
  return guest;
}

/** Room for one request in flight. */
interface Lane {
  readonly buffer: BlockBuffer;
  readonly read: { readonly type: 'in'; sector: number; readonly data: Uint8Array };
  readonly write: { readonly type: 'out'; sector: number; readonly data: Uint8Array };
  readonly complete: Complete;
  isWrite: boolean;
  block: number;
  /** For a read: the last acknowledged write to the block when the read began. */
  oldest: number;
  intendedMs: number;
}

class LaneGuest implements Guest {
  readonly log: GuestLog;
  readonly finished: Promise<void>;
  readonly #device: VirtioBlockDevice;
  readonly #clock: Clock;
  readonly #plan: GuestPlan;
  readonly #random: Random;
  readonly #nextBlock: () => number;
  readonly #pace: Pace;
  readonly #accounts: GuestAccounts;
  readonly #free: Lane[] = [];
  readonly #endMs: number;
  #finish: () => void = () => {};
  #crash: (error: unknown) => void = () => {};
  #issued = 0;
  #inFlight = 0;
  #stopping = false;
  #finishedMs: number | undefined;
  #wake: Timer | undefined;
  #end: Timer | undefined;

  constructor(device: VirtioBlockDevice, clock: Clock, plan: GuestPlan) {
    const startMs = clock.nowMs();
    const { seed, blockSize, area, requestsPerSecond, queueDepth } = plan;
    this.#device = device;
    this.#clock = clock;
    this.#plan = plan;
    this.log = new GuestLog({ seed, blockSize, area });
    this.#random = seededRandom(seed);
    this.#nextBlock = blockChooser(plan.pattern, this.log.blocks, this.#random);
    this.#pace = requestsPerSecond > 0 ? openLoop(requestsPerSecond, startMs) : closedLoop();
    this.#accounts = new GuestAccounts({ startMs, blockSize });
    this.#endMs = startMs + plan.durationMs;
    for (let index = 0; index < queueDepth; index += 1) this.#free.push(this.#lane());
    this.finished = new Promise((resolve, reject) => {
      this.#finish = resolve;
      this.#crash = reject;
    });
  }

  start(): void {
    const { durationMs } = this.#plan;
    // Not only the pump looks at the time: it may have nothing to do for long.
    if (Number.isFinite(durationMs)) {
      this.#end = this.#clock.after(durationMs, () => this.#stop());
    }
    this.#pump(this.#clock.nowMs());
  }

  stop(): Promise<void> {
    this.#stop();
    return this.finished;
  }

  statistics(): GuestStatistics {
    const nowMs = this.#finishedMs ?? this.#clock.nowMs();
    const backlog = this.#stopping ? 0 : this.#pace.backlog(nowMs);
    return this.#accounts.statistics(nowMs, { inFlight: this.#inFlight, backlog });
  }

  #lane(): Lane {
    const buffer = blockBuffer(this.#plan.blockSize);
    const data = buffer.bytes;
    const lane: Lane = {
      buffer,
      read: { type: 'in', sector: 0, data },
      write: { type: 'out', sector: 0, data },
      complete: (status, nowMs) => this.#completed(lane, status, nowMs),
      isWrite: false,
      block: 0,
      oldest: 0,
      intendedMs: 0,
    };
    return lane;
  }

  #pump(nowMs: number): void {
    this.#giveUpExcess(nowMs);
    while (!this.#stopping) {
      if (this.#isOver(nowMs)) {
        this.#stop();
        return;
      }
      const lane = this.#free.pop();
      if (!lane) return;
      const intendedMs = this.#pace.next(nowMs);
      if (intendedMs === undefined) {
        this.#free.push(lane);
        this.#sleep(nowMs);
        return;
      }
      this.#accounts.started({ nowMs, intendedMs });
      this.#issue(lane, intendedMs);
    }
  }

  #isOver(nowMs: number): boolean {
    return this.#issued >= this.#plan.requestsMax || nowMs >= this.#endMs || this.#device.closed;
  }

  #giveUpExcess(nowMs: number): void {
    const excess = this.#pace.backlog(nowMs) - BACKLOG_MAX;
    if (excess <= 0) return;
    this.#pace.skip(excess);
    this.#accounts.skipped(excess);
  }

  #sleep(nowMs: number): void {
    this.#wake?.cancel();
    this.#wake = this.#clock.after(this.#pace.dueMs - nowMs, () => {
      this.#wake = undefined;
      this.#pump(this.#clock.nowMs());
    });
  }

  #issue(lane: Lane, intendedMs: number): void {
    const { log } = this;
    const isWrite = this.#isNextWrite();
    const block = isWrite ? this.#nextFreeBlock() : this.#nextBlock();
    const offset = log.offsetOf(block);
    const request = isWrite ? lane.write : lane.read;
    request.sector = offset / SECTOR_SIZE;
    lane.isWrite = isWrite;
    lane.block = block;
    if (isWrite) log.content.write(lane.buffer, offset, log.begin(block));
    else lane.oldest = log.acknowledged(block);
    this.#issued += 1;
    this.#inFlight += 1;
    // A closed loop means a request to start when it does: not before its content was made.
    lane.intendedMs = this.#plan.requestsPerSecond > 0 ? intendedMs : this.#clock.nowMs();
    if (!this.#device.submit(request, lane.complete)) this.#wait(lane);
  }

  /** Others fill the queue of the device: stands in line for a slot. */
  #wait(lane: Lane): void {
    const request = lane.isWrite ? lane.write : lane.read;
    const answered = (status: Status) => this.#completed(lane, status, this.#clock.nowMs());
    this.#device.request(request).then(answered, (error: unknown) => {
      // The device was closed meanwhile, or there is no room even in the line.
      if (!(error instanceof BlockError)) {
        this.#crash(error);
        this.#stop();
      }
      answered(STATUS.IOERR);
    });
  }

  #isNextWrite(): boolean {
    const { readShare } = this.#plan;
    if (readShare === 0 || readShare === 1) return readShare === 0;
    return this.#random.fraction() >= readShare;
  }

  /** @returns A block without a write in flight; there are more blocks than writes in flight. */
  #nextFreeBlock(): number {
    let block = this.#nextBlock();
    for (let draw = 0; draw < REDRAWS_MAX && this.log.isWriting(block); draw += 1) {
      block = this.#nextBlock();
    }
    while (this.log.isWriting(block)) block = (block + 1) % this.log.blocks;
    return block;
  }

  #completed(lane: Lane, status: Status, nowMs: number): void {
    const { isWrite } = lane;
    this.#inFlight -= 1;
    if (status === STATUS.OK) {
      this.#accounts.completed({ isWrite, latencyMs: nowMs - lane.intendedMs }, nowMs);
      if (isWrite) this.log.acknowledge(lane.block);
      else this.#check(lane);
    } else {
      this.#accounts.failed();
      if (isWrite) this.log.fail(lane.block);
    }
    this.#free.push(lane);
    this.#pump(nowMs);
    if (this.#stopping) this.#finishWhenIdle();
  }

  #check(lane: Lane): void {
    const mismatch = this.log.check(lane.block, lane.buffer.bytes, lane.oldest);
    if (mismatch) this.#accounts.mismatched(mismatch);
  }

  #stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#wake?.cancel();
    this.#end?.cancel();
    this.#finishWhenIdle();
  }

  #finishWhenIdle(): void {
    if (this.#inFlight > 0 || this.#finishedMs !== undefined) return;
    this.#finishedMs = this.#clock.nowMs();
    this.#finish();
  }
}
