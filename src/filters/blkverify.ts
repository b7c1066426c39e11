/**
 * Two disks that have to be the same: `test`, which is looked into, and `raw`, the reference.
 *
 * Every request goes to both, and they have to answer alike. A read that differs, or a request that
 * fails on one side only, fails with `EIO` and is written down. (QEMU's blkverify ends the program
 * there, and that of QEMU 7.2 knows neither zeroes nor discards, and flushes `test` only.)
 *
 * Nobody says which of two overlapping writes in flight ends on a disk, and the two disks could
 * differ in it. So requests that share bytes go one after the other. (A write that fails on both
 * sides may still leave them different: nobody knows how much of it took effect on either.)
 *
 * What a range reads as after a discard is open, and may well be one thing in one disk and another
 * in the other. After a discard `raw` therefore takes over what `test` reads as.
 */

import { BlockError } from '../base/errors.ts';
import type { Pending } from '../base/pending.ts';
import { isZero } from '../base/zeroes.ts';
import {
  type BlockDriver,
  type BlockExtent,
  type DriverLimits,
  defineDriver,
  type WriteOptions,
  type WriteZeroesOptions,
} from '../block/driver.ts';
import type { BlockEdge } from '../block/edge.ts';
import { extents } from '../block/extents.ts';
import type { BlockNode } from '../block/node.ts';
import type { EdgeParent } from '../block/parent.ts';
import { RangeLock } from '../sync/range-lock.ts';
import { ByNode } from './by-node.ts';

/** Bounds the buffer beside that of a read, and what is held while it is compared. */
const TRANSFER_MAX = 4 * 1024 * 1024;
/** How many mismatches are kept; all are counted. */
const MISMATCHES_MAX = 64;
const READ_LENGTH = 1024 * 1024;

interface Where {
  readonly operation: string;
  readonly offset: number;
  readonly length: number;
}

/** What the two disks did not agree in. */
export type Mismatch = Where &
  (
    | {
        readonly kind: 'contents';
        /** The first byte that differs, and what it is in either disk. */
        readonly at: number;
        readonly test: number;
        readonly raw: number;
      }
    | {
        readonly kind: 'outcome';
        /** How the request ended in either disk: "done", or what it failed with. */
        readonly test: string;
        readonly raw: string;
      }
  );

export const blkverify = defineDriver(
  ({ node }) => ({
    /** The disk that is looked into. */
    test: node,
    /** The disk that is right. */
    raw: node,
  }),
  {
    summary: 'Another node, compared with a second one in everything it does',
    async open(options, { name, openChild }) {
      const raw = await openChild('raw', options.raw);
      const test = await openChild('test', options.test);
      if (raw.size !== test.size) {
        const rule = `test (${test.size} bytes) and raw (${raw.size} bytes) must be of one size`;
        throw new BlockError('EINVAL', `open "${name}"`, rule);
      }
      const disk = new BlkverifyDisk(name, { test, raw });
      DISKS.add(test, disk);
      return disk;
    },
  },
);

const DISKS = new ByNode<BlkverifyDisk>();

/** @returns The receipts of a filter's node, `undefined` when it is no blkverify. */
export function blkverifyOf(filter: BlockNode): BlkverifyDisk | undefined {
  return DISKS.find(filter);
}

interface Legs {
  readonly test: BlockEdge;
  readonly raw: BlockEdge;
}

/** How a request ended on one side. */
type Outcome = { readonly error?: unknown };

/** The driver; its receipts are for whoever runs the comparison. */
export class BlkverifyDisk implements BlockDriver {
  readonly limits: DriverLimits;
  // The nodes below honour it or flush.
  readonly supports = { forceUnitAccess: true };
  readonly children: readonly BlockEdge[];
  readonly filtered: BlockEdge;
  readonly clusterSize?: number;
  readonly #name: string;
  readonly #test: BlockEdge;
  readonly #raw: BlockEdge;
  readonly #lock = new RangeLock();
  readonly #mismatches: Mismatch[] = [];
  #mismatchCount = 0;

  constructor(name: string, { test, raw }: Legs) {
    const { clusterSize } = test.node;
    // The nodes below bring requests to their own alignments, which may differ.
    this.limits = { alignment: 1, transferMax: TRANSFER_MAX, discardAlignment: 1 };
    this.children = [test, raw];
    this.filtered = test;
    if (clusterSize !== undefined) this.clusterSize = clusterSize;
    this.#name = name;
    this.#test = test;
    this.#raw = raw;
  }

  /** The first {@link MISMATCHES_MAX} mismatches. */
  get mismatches(): readonly Mismatch[] {
    return this.#mismatches;
  }

  /** How many there were. */
  get mismatchCount(): number {
    return this.#mismatchCount;
  }

  size(): number {
    return this.#test.size;
  }

  read(offset: number, into: Uint8Array, origin?: EdgeParent): Pending {
    const where = { operation: 'read', offset, length: into.length };
    const reference = new Uint8Array(into.length);
    return this.#lock.holding(where, () => {
      const compared = this.#both(
        where,
        () => this.#test.read(offset, into, origin),
        () => this.#raw.read(offset, reference, origin),
      );
      const compare = () => this.#compare(where, into, reference);
      return compared instanceof Promise ? compared.then(compare) : compare();
    });
  }

  write(offset: number, from: Uint8Array, options: WriteOptions, origin?: EdgeParent): Pending {
    const where = { operation: 'write', offset, length: from.length };
    return this.#lock.holding(where, () =>
      this.#both(
        where,
        () => this.#test.write(offset, from, options, origin),
        () => this.#raw.write(offset, from, options, origin),
      ),
    );
  }

  writeZeroes(
    offset: number,
    length: number,
    options: WriteZeroesOptions,
    origin?: EdgeParent,
  ): Pending {
    const where = { operation: 'write zeroes', offset, length };
    const toTest = () => this.#test.writeZeroes(offset, length, options, origin);
    const toRaw = () =>
      this.#raw.writeZeroes(offset, length, { ...options, noFallback: false }, origin);
    return this.#lock.holding(where, () => {
      if (!options.noFallback) return this.#both(where, toTest, toRaw);
      // Whether it is fast is asked of `test`; where it is not, `raw` must not change either.
      return this.#zeroFast(where, toTest, toRaw);
    });
  }

  discard(offset: number, length: number, origin?: EdgeParent): Pending {
    const where = { operation: 'discard', offset, length };
    return this.#lock.holding(where, async () => {
      await this.#both(
        where,
        () => this.#test.discard(offset, length, origin),
        () => this.#raw.discard(offset, length, origin),
      );
      await this.#adopt(where);
    });
  }

  flush(origin?: EdgeParent): Pending {
    const where = { operation: 'flush', offset: 0, length: 0 };
    return this.#both(
      where,
      () => this.#test.flush(origin),
      () => this.#raw.flush(origin),
    );
  }

  blockStatus(offset: number, length: number): Pending<BlockExtent> {
    return this.#test.blockStatus(offset, length);
  }

  async resize(size: number): Promise<void> {
    const before = this.#raw.size;
    await this.#raw.resize(size);
    try {
      await this.#test.resize(size);
    } catch (error) {
      // A disk that cannot be resized is not the one to hold the other to a new size.
      await this.#raw.resize(before);
      throw error;
    }
  }

  // The graph closes what is below.
  async close(): Promise<void> {}

  /** Does something on both sides, however it ends on one of them. */
  #both(where: Where, test: () => Pending, raw: () => Pending): Pending {
    const onTest = outcomeOf(test);
    const onRaw = outcomeOf(raw);
    if (onTest instanceof Promise || onRaw instanceof Promise) {
      return Promise.all([onTest, onRaw]).then(([one, other]) => this.#settle(where, one, other));
    }
    this.#settle(where, onTest, onRaw);
  }

  async #zeroFast(where: Where, test: () => Pending, raw: () => Pending): Promise<void> {
    const onTest = await outcomeOf(test);
    if (isRefusal(onTest.error)) throw onTest.error;
    this.#settle(where, onTest, await outcomeOf(raw));
  }

  #settle(where: Where, test: Outcome, raw: Outcome): void {
    for (const { error } of [test, raw]) {
      if (error !== undefined && !(error instanceof BlockError)) throw error;
    }
    const [one, other] = [codeOf(test.error), codeOf(raw.error)];
    if (one === other) {
      if (test.error !== undefined) throw test.error;
      return;
    }
    const reason = `return value mismatch: ${one} != ${other} (test, raw)`;
    const cause = test.error ?? raw.error;
    throw this.#refuse({ ...where, kind: 'outcome', test: one, raw: other }, reason, { cause });
  }

  #compare(where: Where, test: Uint8Array, raw: Uint8Array): void {
    if (Buffer.compare(test, raw) === 0) return;
    const first = test.findIndex((byte, index) => byte !== raw[index]);
    const at = where.offset + first;
    const found = { test: test[first] ?? 0, raw: raw[first] ?? 0 };
    const bytes = `test has ${hex(found.test)}, raw has ${hex(found.raw)}`;
    const reason = `contents mismatch at offset ${at}: ${bytes}`;
    throw this.#refuse({ ...where, kind: 'contents', at, ...found }, reason);
  }

  #refuse(mismatch: Mismatch, reason: string, options?: ErrorOptions): BlockError {
    this.#mismatchCount += 1;
    if (this.#mismatches.length < MISMATCHES_MAX) this.#mismatches.push(mismatch);
    const { operation, offset, length } = mismatch;
    const action = `${operation} ${length} bytes at ${offset} of "${this.#name}"`;
    return new BlockError('EIO', action, reason, options);
  }

  /** Makes a range of `raw` read as it does in `test`. */
  async #adopt(range: Where): Promise<void> {
    for await (const { offset, length, zero } of extents(this.#test, range)) {
      if (zero) await this.#raw.writeZeroes(offset, length, { mayUnmap: true });
      else await this.#adoptData(offset, length);
    }
  }

  async #adoptData(offset: number, length: number): Promise<void> {
    const lengthMax = Math.min(READ_LENGTH, length);
    const buffers = { test: new Uint8Array(lengthMax), raw: new Uint8Array(lengthMax) };
    for (let at = offset; at < offset + length; at += lengthMax) {
      const count = Math.min(lengthMax, offset + length - at);
      const test = buffers.test.subarray(0, count);
      const raw = buffers.raw.subarray(0, count);
      await Promise.all([this.#test.read(at, test), this.#raw.read(at, raw)]);
      if (Buffer.compare(test, raw) === 0) continue;
      if (isZero(test)) await this.#raw.writeZeroes(at, count, { mayUnmap: true });
      else await this.#raw.write(at, test);
    }
  }
}

function outcomeOf(start: () => Pending): Pending<Outcome> {
  try {
    const result = start();
    if (!(result instanceof Promise)) return {};
    return result.then(
      () => ({}),
      (error: unknown) => ({ error }),
    );
  } catch (error) {
    return { error };
  }
}

function codeOf(error: unknown): string {
  return error instanceof BlockError ? error.code : 'done';
}

function isRefusal(error: unknown): boolean {
  return error instanceof BlockError && error.code === 'ENOTSUP';
}

function hex(byte: number): string {
  return `0x${byte.toString(16).padStart(2, '0')}`;
}
