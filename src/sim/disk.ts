/**
 * A disk of a simulated world: bytes with a volatile cache in front of durable ones, behind a
 * turnstile.
 *
 * A write goes to the cache, which is what a read shows. A flush makes durable the writes that were
 * answered before it came, and no other, as a disk may. At a power cut each sector keeps what was
 * durable or any write that was in the cache: so writes survive in any order, or in part.
 */

import type { Pending } from '../base/pending.ts';
import type { BlockDriver, BlockExtent, DriverLimits, WriteOptions } from '../block/driver.ts';
import type { EdgeParent } from '../block/parent.ts';
import { SECTOR_SIZE } from '../device/request.ts';
import { DISCARDED_STAMP, fillStamps, firstWordAt, initialStamp, ZERO_STAMP } from './content.ts';
import type { DiskShape } from './scenario.ts';
import type { DiskName, Operation, Origin, Passage, PassageWork, Turnstile } from './turnstile.ts';

/** How the world calls those whose requests it tells apart. */
export const GUEST_NAME = 'guest';
export const JOB_ID = 'mirror0';

/** Part of a write that no flush has reached. */
export interface CachedWrite {
  readonly passage: Passage;
  /** Counts the writes of the disk. */
  readonly order: number;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** What the block layer asked for. */
interface SimRequest {
  readonly operation: Operation;
  readonly offset: number;
  readonly length: number;
  readonly origin: EdgeParent | undefined;
}

interface SimDiskParts {
  readonly name: DiskName;
  readonly size: number;
  readonly shape: DiskShape;
  readonly turnstile: Turnstile;
  /** Whether to remember what is durable, which costs. */
  readonly keepsDurable: boolean;
}

export class SimDisk implements BlockDriver {
  readonly name: DiskName;
  readonly limits: DriverLimits;
  readonly supports: { readonly forceUnitAccess: boolean };
  readonly children = [];
  /** What reads show. */
  readonly bytes: Uint8Array;
  /** What survives a power cut for sure. */
  readonly durable: Uint8Array;
  readonly writeZeroes?: NonNullable<BlockDriver['writeZeroes']>;
  readonly discard?: NonNullable<BlockDriver['discard']>;
  readonly blockStatus?: NonNullable<BlockDriver['blockStatus']>;
  readonly #turnstile: Turnstile;
  readonly #keepsDurable: boolean;
  readonly #cancels: boolean;
  /** Which write is durable in each sector, by its order. */
  readonly #durableOrders: Uint32Array;
  #cache: CachedWrite[] = [];
  #order = 0;

  constructor({ name, size, shape, turnstile, keepsDurable }: SimDiskParts) {
    const { alignment = 1, transferMax = 1024 * 1024, forceUnitAccess = false } = shape;
    this.#cancels = shape.cancels ?? true;
    this.name = name;
    this.limits = { alignment, transferMax, discardAlignment: alignment };
    this.supports = { forceUnitAccess };
    this.#turnstile = turnstile;
    this.#keepsDurable = keepsDurable;
    this.bytes = new Uint8Array(size);
    const zeroSectors = new Set(shape.zeroSectors);
    fillStamps(this.bytes, 0, (sector) =>
      shape.fill === 'zeroes' || zeroSectors.has(sector) ? ZERO_STAMP : initialStamp(name, sector),
    );
    this.durable = keepsDurable ? this.bytes.slice() : this.bytes;
    this.#durableOrders = new Uint32Array(keepsDurable ? size / SECTOR_SIZE : 0);
    // The same functions in all disks: V8 would keep every closure put here, and with it its world,
    // until the next collection of everything.
    const operations = shape.operations ?? [];
    if (operations.includes('writeZeroes')) this.writeZeroes = this.#writeZeroes;
    if (operations.includes('discard')) this.discard = this.#discard;
    if (operations.includes('blockStatus')) this.blockStatus = this.#askStatus;
  }

  /** Writes that a power cut may undo. */
  get cached(): readonly CachedWrite[] {
    return this.#cache;
  }

  size(): number {
    return this.bytes.length;
  }

  async read(offset: number, into: Uint8Array, origin?: EdgeParent): Promise<void> {
    await this.#pass<Uint8Array>(
      { operation: 'read', offset, length: into.length, origin },
      {
        effect: (passage) => {
          const bytes = this.bytes.slice(offset, offset + into.length);
          passage.seen = summary(bytes);
          return bytes;
        },
        deliver: (bytes) => into.set(bytes),
      },
    );
  }

  write(offset: number, from: Uint8Array, options: WriteOptions, origin?: EdgeParent): Pending {
    const call = { operation: 'write', offset, length: from.length, origin, options } as const;
    const apply = (bytes: Uint8Array) => bytes.set(from.subarray(0, bytes.length));
    return this.#change(call, apply, summary(from));
  }

  flush(origin?: EdgeParent): Pending {
    return this.#pass(
      { operation: 'flush', offset: 0, length: 0, origin },
      {
        effect: (passage) =>
          this.#makeDurable((write) => write.passage.answeredAt < passage.arrivedAt),
      },
    );
  }

  async close(): Promise<void> {}

  cancelInFlight(): void {
    if (!this.#cancels) return;
    const mine = this.#turnstile.held.filter(({ call }) => call.disk === this.name);
    // In an order that does not tell when they came.
    mine.sort((left, right) => (left.label < right.label ? -1 : 1));
    for (const passage of mine) passage.fail('ECANCELED');
  }

  /**
   * What is left after a power cut.
   *
   * @param choose Which of so many versions of a sector survives; 0 is the durable one.
   */
  cut(choose: (count: number) => number): Uint8Array {
    const image = this.durable.slice();
    for (let at = 0; at < image.length; at += SECTOR_SIZE) {
      const durable = this.#durableOrders[at / SECTOR_SIZE] ?? 0;
      const versions = this.#cache.filter(
        ({ offset, bytes, order }) => order > durable && offset <= at && at < offset + bytes.length,
      );
      const kept = versions.length > 0 ? choose(versions.length + 1) : 0;
      const version = versions[kept - 1];
      if (!version) continue;
      const start = at - version.offset;
      image.set(version.bytes.subarray(start, start + SECTOR_SIZE), at);
    }
    return image;
  }

  #change(
    request: SimRequest & { readonly options?: WriteOptions },
    apply: (bytes: Uint8Array) => void,
    brings = 0,
  ): Promise<void> {
    const { offset, length, options } = request;
    const change = (passage: Passage, count: number) => {
      const bytes = this.bytes.subarray(offset, offset + count);
      apply(bytes);
      passage.seen = summary(bytes);
      if (!this.#keepsDurable) return;
      this.#order += 1;
      this.#cache.push({ passage, order: this.#order, offset, bytes: bytes.slice() });
      if (options?.forceUnitAccess) this.#makeDurable((write) => write.passage === passage);
    };
    const half = Math.floor(length / SECTOR_SIZE / 2) * SECTOR_SIZE;
    return this.#pass<void>(request, {
      brings,
      effect: (passage) => change(passage, length),
      half: (passage) => change(passage, half),
    });
  }

  #writeZeroes(offset: number, length: number, options: WriteOptions, origin?: EdgeParent) {
    const request = { operation: 'writeZeroes', offset, length, origin, options } as const;
    return this.#change(request, (bytes) => bytes.fill(0));
  }

  #discard(offset: number, length: number, origin?: EdgeParent) {
    const request = { operation: 'discard', offset, length, origin } as const;
    return this.#change(request, (bytes) => fillStamps(bytes, 0, () => DISCARDED_STAMP));
  }

  #askStatus(offset: number, length: number): Promise<BlockExtent> {
    return this.#pass<BlockExtent>(
      { operation: 'blockStatus', offset, length, origin: undefined },
      {
        effect: (passage) => {
          const end = offset + length;
          const zero = this.#isZeroAt(offset);
          let at = offset + SECTOR_SIZE - (offset % SECTOR_SIZE);
          while (at < end && this.#isZeroAt(at) === zero) at += SECTOR_SIZE;
          passage.seen = at + (zero ? 1 : 0);
          return { length: Math.min(at, end) - offset, data: !zero, zero, allocated: true };
        },
      },
    );
  }

  #isZeroAt(offset: number): boolean {
    return firstWordAt(this.bytes, offset - (offset % SECTOR_SIZE)) === 0;
  }

  #pass<T>(request: SimRequest, work: PassageWork<T>): Promise<T> {
    const { operation, offset, length, origin } = request;
    const call = { disk: this.name, operation, offset, length, origin: originOf(origin) };
    return this.#turnstile.pass(call, work);
  }

  #makeDurable(isReached: (write: CachedWrite) => boolean): void {
    if (!this.#keepsDurable) return;
    const reached = this.#cache.filter(isReached);
    this.#cache = this.#cache.filter((write) => !isReached(write));
    for (const write of reached) {
      for (let at = 0; at < write.bytes.length; at += SECTOR_SIZE) {
        const sector = (write.offset + at) / SECTOR_SIZE;
        if ((this.#durableOrders[sector] ?? 0) >= write.order) continue;
        this.#durableOrders[sector] = write.order;
        this.durable.set(write.bytes.subarray(at, at + SECTOR_SIZE), write.offset + at);
      }
    }
  }
}

/** Tells by whom a request was begun. */
export function originOf(origin: EdgeParent | undefined): Origin {
  if (origin?.kind === 'device' || origin?.name === GUEST_NAME) return 'guest';
  if (origin?.kind === 'job' || origin?.name === JOB_ID) return 'job';
  return 'other';
}

/** Bytes as one number, sector by sector. */
function summary(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += SECTOR_SIZE) {
    sum = (Math.imul(sum, 0x01000193) ^ firstWordAt(bytes, at)) >>> 0;
  }
  return sum;
}
