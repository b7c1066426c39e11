/** A simulated disk, as a program under test sees it and as the block layer does. */

import type { ByteRange } from '../base/ranges.ts';
import type { BlockDriver } from '../block/driver.ts';
import { SECTOR_SIZE } from '../device/request.ts';
import type { Medium } from './simulate-medium.ts';
import {
  asBlockRequest,
  type RequestLine,
  type SimulatedCall,
  type SimulatedOperation,
} from './simulate-request.ts';

/** A disk: its methods are those of `Disk` that `openDisk()` gives. */
export interface SimulatedDisk {
  readonly name: string;
  /** Bytes; a multiple of 512. */
  readonly size: number;
  /**
   * Reads bytes.
   *
   * @param offset A multiple of 512, as is `length`.
   * @throws {RangeError} For a range that is not on the disk.
   * @throws {BlockError} What the simulation has it fail with.
   * @throws {PowerCut} When the power fails before the answer, as all other requests do.
   */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Writes bytes, which must not change meanwhile; they are durable after the next flush. */
  write(offset: number, data: Uint8Array): Promise<void>;
  writeZeroes(offset: number, length: number): Promise<void>;
  /** Gives bytes up: what they read as afterwards is not to be relied on. */
  discard(offset: number, length: number): Promise<void>;
  /** Makes durable every write that was answered before. */
  flush(): Promise<void>;
}

/** What a discard leaves, to show who reads it; it is zeroes where a mirror compares disks. */
const DISCARDED = 0xdd;

interface DiskParts {
  readonly medium: Medium;
  readonly line: RequestLine;
  /** @default 0xdd */
  readonly discarded?: number;
}

export class MediumDisk implements SimulatedDisk {
  readonly #medium: Medium;
  readonly #line: RequestLine;
  readonly #discarded: number;

  constructor({ medium, line, discarded = DISCARDED }: DiskParts) {
    this.#medium = medium;
    this.#line = line;
    this.#discarded = discarded;
  }

  get name(): string {
    return this.#medium.name;
  }

  get size(): number {
    return this.#medium.bytes.length;
  }

  read(offset: number, length: number): Promise<Uint8Array> {
    const effect = () => this.#medium.bytes.slice(offset, offset + length);
    return this.#ask('read', { offset, length }, (call) => this.#line.pass(call, { effect }));
  }

  write(offset: number, data: Uint8Array): Promise<void> {
    const range = { offset, length: data.length };
    return this.#change('write', range, () => data.slice(), preview(data));
  }

  writeZeroes(offset: number, length: number): Promise<void> {
    return this.#change('writeZeroes', { offset, length }, () => new Uint8Array(length));
  }

  discard(offset: number, length: number): Promise<void> {
    const bytes = () => new Uint8Array(length).fill(this.#discarded);
    return this.#change('discard', { offset, length }, bytes);
  }

  flush(): Promise<void> {
    return flushMedium(this.#line, this.#medium);
  }

  #change(
    operation: SimulatedOperation,
    range: ByteRange,
    bytesOf: () => Uint8Array,
    content = '',
  ): Promise<void> {
    return this.#ask(operation, range, (call) => changeMedium(this.#line, call, bytesOf), content);
  }

  /** (Not `async`: a request that nobody waits for would then fail where nobody catches it.) */
  #ask<T>(
    operation: SimulatedOperation,
    { offset, length }: ByteRange,
    begin: (call: SimulatedCall) => Promise<T>,
    content = '',
  ): Promise<T> {
    const medium = this.#medium;
    const refusal = refuseRange(medium, operation, offset, length);
    if (refusal) return Promise.reject(refusal);
    const [first, count] = [offset / SECTOR_SIZE, length / SECTOR_SIZE];
    const where = count <= 1 ? `${first}` : `${first}-${first + count - 1}`;
    const text = `${operation} ${medium.name} ${where}${content}`;
    return begin({ medium, operation, offset, length, text });
  }
}

/** A simulated disk as a driver of the block layer. */
export function driverOf(disk: MediumDisk): BlockDriver {
  const wait = <T>(what: string, request: Promise<T>) =>
    asBlockRequest(`${what} "${disk.name}"`, request);
  return {
    limits: { alignment: SECTOR_SIZE, transferMax: 1024 * 1024, discardAlignment: SECTOR_SIZE },
    supports: { forceUnitAccess: false },
    children: [],
    size: () => disk.size,
    async read(offset, into) {
      into.set(await wait('read', disk.read(offset, into.length)));
    },
    write: (offset, from) => wait('write', disk.write(offset, from)),
    writeZeroes: (offset, length) => wait('write zeroes to', disk.writeZeroes(offset, length)),
    discard: (offset, length) => wait('discard', disk.discard(offset, length)),
    flush: () => wait('flush', disk.flush()),
    close: async () => {},
  };
}

/** Writes by way of the line; the bytes are asked for when they take effect. */
export function changeMedium(
  line: RequestLine,
  call: SimulatedCall,
  bytesOf: () => Uint8Array,
): Promise<void> {
  const { medium, offset } = call;
  let made: ReturnType<Medium['apply']> | undefined;
  const change = (label: string) => ({ label, offset, bytes: bytesOf() });
  const half = Math.floor(call.length / SECTOR_SIZE / 2) * SECTOR_SIZE;
  return line.pass<void>(call, {
    change,
    effect: (label) => {
      made = medium.apply(change(label));
    },
    half: (label) => {
      medium.apply({ label: `half of ${label}`, offset, bytes: bytesOf().subarray(0, half) });
    },
    answered: () => {
      if (made) made.isAnswered = true;
    },
  });
}

/** Flushes by way of the line. */
export function flushMedium(line: RequestLine, medium: Medium): Promise<void> {
  const reached = medium.answered();
  const call = { medium, operation: 'flush', offset: 0, length: 0 } as const;
  return line.pass<void>(
    { ...call, text: `flush ${medium.name}` },
    {
      effect: () => medium.settle(reached),
      forget: () => {
        for (const change of reached) change.isForgotten = true;
      },
    },
  );
}

function refuseRange(
  { bytes, name }: Medium,
  operation: SimulatedOperation,
  offset: number,
  length: number,
): RangeError | undefined {
  const isWhole = offset % SECTOR_SIZE === 0 && length % SECTOR_SIZE === 0;
  if (isWhole && offset >= 0 && length >= 0 && offset + length <= bytes.length) return undefined;
  const rule = `the range must be whole sectors of 512 bytes below ${bytes.length}`;
  return new RangeError(`Cannot ${operation} "${name}": ${rule}: ${length} bytes at ${offset}`);
}

/** How much of what is written is shown. */
const PREVIEW_MAX = 24;

/** The beginning of what is written, if it is text. */
export function preview(data: Uint8Array): string {
  const start = Buffer.from(data.subarray(0, PREVIEW_MAX)).toString('latin1');
  const text = /^[\x20-\x7e]*/.exec(start)?.[0] ?? '';
  return text.length < 2 ? '' : ` "${text}"`;
}
