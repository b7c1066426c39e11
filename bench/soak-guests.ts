/** The guests of a round of the soak: those of `workload/`, and one that zeroes and discards. */

import { BlockError } from '../src/base/errors.ts';
import { type Random, seededRandom } from '../src/base/random.ts';
import { type GuestRequest, SECTOR_SIZE, STATUS } from '../src/device/request.ts';
import type { VirtioBlockDevice } from '../src/device/virtio-blk.ts';
import { type Clock, sleep } from '../src/env/env.ts';
import { blockBuffer } from '../src/workload/content.ts';
import { runGuest } from '../src/workload/guest.ts';
import { pick } from './soak-draw.ts';
import { type ChangeKind, ChangeLog, type Frozen, freezeLog } from './soak-log.ts';
import type { ChangerOptions, GuestEntry } from './soak-plan.ts';

/** What a guest has done. */
export interface GuestTotals {
  readonly writes: number;
  readonly bytes: number;
  readonly errors: number;
  /** What was wrong with what it read. */
  readonly wrong: readonly string[];
}

/** A guest of either kind. */
export interface SoakGuest {
  freeze(): Frozen;
  /** Resolves when nothing of it is in flight. */
  stop(): Promise<void>;
  totals(): GuestTotals;
}

/** Starts a guest. */
export function startGuest(device: VirtioBlockDevice, clock: Clock, entry: GuestEntry): SoakGuest {
  if (entry.kind === 'changer') {
    const changer = new Changer(device, clock, entry.options, new ChangeLog(entry.options));
    changer.start();
    return changer;
  }
  const queueDepth = Math.min(entry.options.queueDepth ?? 1, device.queueSize);
  const guest = runGuest(device, clock, { ...entry.options, queueDepth });
  return {
    freeze: () => freezeLog(guest.log),
    stop: () => guest.stop(),
    totals() {
      const { writes, bytes, errors, mismatches } = guest.statistics();
      return { writes, bytes, errors, wrong: mismatches.examples.map(({ message }) => message) };
    },
  };
}

const KINDS: readonly (ChangeKind | 'read' | 'flush')[] = [
  ...(['write', 'write', 'write', 'zeroes', 'zeroes', 'discard', 'read', 'read'] as const),
  'flush',
];
/** Most of what it read wrong that is told. */
const WRONG_MAX = 5;

/** A guest that writes, zeroes, discards, reads and flushes, one request at a time in each lane. */
export class Changer implements SoakGuest {
  readonly log: ChangeLog;
  readonly #device: VirtioBlockDevice;
  readonly #clock: Clock;
  readonly #options: ChangerOptions;
  readonly #random: Random;
  readonly #wrong: string[] = [];
  #lanes: Promise<unknown> = Promise.resolve();
  #isStopping = false;
  #writes = 0;
  #bytes = 0;
  #errors = 0;

  /** @param log What it or another process has written there before. */
  constructor(device: VirtioBlockDevice, clock: Clock, options: ChangerOptions, log: ChangeLog) {
    this.#device = device;
    this.#clock = clock;
    this.#options = options;
    this.log = log;
    this.#random = seededRandom(options.seed);
  }

  start(): void {
    const { queueDepth } = this.#options;
    const depth = Math.min(queueDepth, this.log.blocks);
    this.#lanes = Promise.all(Array.from({ length: depth }, () => this.#lane()));
  }

  freeze(): Frozen {
    return this.log.freeze();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#lanes;
  }

  totals(): GuestTotals {
    return {
      ...{ writes: this.#writes, bytes: this.#bytes },
      ...{ errors: this.#errors, wrong: this.#wrong },
    };
  }

  async #lane(): Promise<void> {
    const { thinkMs, blockSize } = this.#options;
    const buffer = blockBuffer(blockSize);
    while (!this.#isStopping && !this.#device.closed) {
      const kind = pick(this.#random, KINDS);
      let block = this.#random.below(this.log.blocks);
      while (this.log.isChanging(block)) block = (block + 1) % this.log.blocks;
      if (kind === 'flush') await this.#request({ type: 'flush' });
      else if (kind === 'read') await this.#read(block, buffer.bytes);
      else await this.#change(block, kind, buffer);
      await sleep(this.#clock, thinkMs);
    }
  }

  async #change(
    block: number,
    kind: ChangeKind,
    buffer: ReturnType<typeof blockBuffer>,
  ): Promise<void> {
    const { log } = this;
    const sector = log.offsetOf(block) / SECTOR_SIZE;
    const sequence = log.begin(block, kind);
    if (kind === 'write') log.content.write(buffer, log.offsetOf(block), sequence);
    const isDone = await this.#request(requestOf(kind, sector, buffer.bytes));
    if (!isDone) {
      log.fail(block);
      return;
    }
    log.acknowledge(block);
    this.#writes += 1;
    this.#bytes += log.blockSize;
  }

  async #read(block: number, data: Uint8Array): Promise<void> {
    const { log } = this;
    const before = log.stateOf(block);
    const sector = log.offsetOf(block) / SECTOR_SIZE;
    if (!(await this.#request({ type: 'in', sector, data }))) return;
    // Only a block that stayed as it was meanwhile: what it must hold is known then.
    if (log.stateOf(block) !== before) return;
    const found = log.judge(block, data);
    if (found !== undefined && this.#wrong.length < WRONG_MAX) this.#wrong.push(found);
  }

  /** @returns Whether it succeeded. */
  async #request(request: GuestRequest): Promise<boolean> {
    try {
      const status = await this.#device.request(request);
      if (status !== STATUS.OK) this.#errors += 1;
      return status === STATUS.OK;
    } catch (error) {
      // It was unplugged before there was room for the request.
      if (!(error instanceof BlockError && error.code === 'ESHUTDOWN')) throw error;
      return false;
    }
  }
}

function requestOf(kind: ChangeKind, sector: number, data: Uint8Array): GuestRequest {
  if (kind === 'write') return { type: 'out', sector, data };
  const segments = [{ sector, sectors: data.length / SECTOR_SIZE, unmap: kind === 'zeroes' }];
  return kind === 'zeroes' ? { type: 'writeZeroes', segments } : { type: 'discard', segments };
}
