/**
 * The guest of a simulated world: it makes the requests of its program, and remembers what it asked
 * for, when, and what it was told. What its disk must hold follows from that alone.
 */

import { SECTOR_SIZE, STATUS } from '../device/request.ts';
import type { VirtioBlockDevice } from '../device/virtio-blk.ts';
import {
  DISCARDED_STAMP,
  fillStamps,
  requestStamp,
  stampAt,
  TORN_STAMP,
  ZERO_STAMP,
} from './content.ts';
import type { GuestProgram, GuestStep } from './scenario.ts';

/** One request, from the moment at which the guest made it. */
export interface GuestRecord {
  readonly index: number;
  readonly step: GuestStep;
  /** Moments are counted in requests made and completed, from 1. */
  readonly began: number;
  /** Infinite as long as it is in flight. */
  ended: number;
  ok: boolean;
  /** What a read got, by sector from the first one; empty until then. */
  stamps: readonly number[];
}

/** Is told of each request at the moment at which it begins and ends. */
export interface GuestWatcher {
  submitted(record: GuestRecord): void;
  completed(record: GuestRecord): void;
  /** A request ended the program, rather than failing. */
  defect?(error: unknown): void;
}

export class Guest {
  readonly records: GuestRecord[] = [];
  readonly #program: GuestProgram;
  readonly #watcher: GuestWatcher;
  #device: VirtioBlockDevice | undefined;
  readonly #unfinished = new Set<GuestRecord>();
  #moment = 0;

  constructor(program: GuestProgram, watcher: GuestWatcher) {
    this.#program = program;
    this.#watcher = watcher;
  }

  attach(device: VirtioBlockDevice): void {
    this.#device = device;
  }

  get inFlight(): number {
    return this.#unfinished.size;
  }

  /** Every request was made. */
  get isAtEnd(): boolean {
    return this.records.length === this.#program.requests.length;
  }

  /** Every request was made and is over. */
  get isDone(): boolean {
    return this.isAtEnd && this.inFlight === 0;
  }

  /** The request that it would make next, if it may now. */
  get next(): GuestStep | undefined {
    const step = this.#program.requests[this.records.length];
    if (!step || this.inFlight >= this.#program.depth) return undefined;
    if (this.#program.overlap) return step;
    for (const other of this.#unfinished) if (inConflict(other.step, step)) return undefined;
    return step;
  }

  /** The requests in flight. */
  get unfinished(): readonly GuestRecord[] {
    return [...this.#unfinished];
  }

  /** Makes the next request. */
  submit(): void {
    const step = this.#program.requests[this.records.length];
    if (!step || !this.#device) throw new Error('Assertion failed: there is a next request');
    this.#moment += 1;
    const record: GuestRecord = {
      index: this.records.length,
      step,
      began: this.#moment,
      ended: Number.POSITIVE_INFINITY,
      ok: false,
      stamps: [],
    };
    this.records.push(record);
    this.#unfinished.add(record);
    this.#watcher.submitted(record);
    const data = dataOf(record);
    if (!this.#start(this.#device, record, data)) {
      throw new Error('Assertion failed: the queue of the device is deep enough');
    }
  }

  #start(device: VirtioBlockDevice, record: GuestRecord, data: Uint8Array): boolean {
    try {
      return device.submit(requestOf(record, data), (status) => {
        this.#complete(record, data, status === STATUS.OK);
      });
    } catch (error) {
      this.#watcher.defect?.(error);
      return true;
    }
  }

  #complete(record: GuestRecord, data: Uint8Array, ok: boolean): void {
    this.#moment += 1;
    record.ended = this.#moment;
    record.ok = ok;
    this.#unfinished.delete(record);
    if (record.step.type === 'read' && ok) {
      const { sectors } = record.step;
      record.stamps = Array.from({ length: sectors }, (_, at) => stampAt(data, at * SECTOR_SIZE));
    }
    // The buffer is the guest's again, and it uses it for something else at once.
    if (record.step.type === 'write') data.fill(0xee);
    this.#watcher.completed(record);
  }
}

/** What a request leaves in a sector that it changes. */
export function stampOf({ index, step }: GuestRecord, sector: number): number {
  if (step.type === 'zeroes') return ZERO_STAMP;
  if (step.type === 'discard') return DISCARDED_STAMP;
  return step.type === 'write' ? requestStamp(index, sector) : TORN_STAMP;
}

/** Whether a request changes a sector, if all goes well. */
export function changes({ step }: GuestRecord, sector: number): boolean {
  if (step.type === 'read' || step.type === 'flush') return false;
  return sector >= step.sector && sector < step.sector + step.sectors;
}

function inConflict(left: GuestStep, right: GuestStep): boolean {
  if (left.type === 'flush' || right.type === 'flush') return false;
  if (left.type === 'read' && right.type === 'read') return false;
  const start = Math.max(left.sector, right.sector);
  return start < Math.min(left.sector + left.sectors, right.sector + right.sectors);
}

function dataOf({ index, step }: GuestRecord): Uint8Array {
  if (step.type !== 'read' && step.type !== 'write') return new Uint8Array(0);
  const data = new Uint8Array(step.sectors * SECTOR_SIZE);
  fillStamps(data, step.sector, (sector) =>
    step.type === 'write' ? requestStamp(index, sector) : TORN_STAMP,
  );
  return data;
}

function requestOf({ step }: GuestRecord, data: Uint8Array) {
  const { sector, sectors } = step;
  switch (step.type) {
    case 'read':
      return { type: 'in', sector, data } as const;
    case 'write':
      return { type: 'out', sector, data } as const;
    case 'flush':
      return { type: 'flush' } as const;
    case 'discard':
      return { type: 'discard', segments: [{ sector, sectors, unmap: false }] } as const;
    case 'zeroes':
      return { type: 'writeZeroes', segments: [{ sector, sectors, unmap: true }] } as const;
  }
}
