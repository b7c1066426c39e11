/**
 * Drivers for tests: a disk in an array that watches over its contract, and a filter that does
 * nothing. Both stand behind a gate, so that the test chooses the order in which requests take
 * effect and complete; time never does.
 */

import type { Pending } from '../../src/base/pending.ts';
import type {
  BlockDriver,
  BlockExtent,
  DriverLimits,
  DriverSupport,
  WriteOptions,
  WriteZeroesOptions,
} from '../../src/block/driver.ts';
import { BlockEdge } from '../../src/block/edge.ts';
import { BlockNode } from '../../src/block/node.ts';
import type { NodeOptions } from '../../src/block/options.ts';

export type Operation =
  | 'read'
  | 'write'
  | 'writeZeroes'
  | 'discard'
  | 'flush'
  | 'blockStatus'
  | 'resize'
  | 'close';

/** What a driver was asked to do. */
export interface DriverCall {
  readonly operation: Operation;
  readonly offset: number;
  readonly length: number;
  readonly options?: WriteOptions | WriteZeroesOptions;
}

/** A request that has reached a driver and goes on when the test says so. */
export interface HeldRequest extends DriverCall {
  /** Does what was asked; the driver has not answered yet. */
  takeEffect(): void;
  /** Answers, having done what was asked. */
  complete(): void;
  /** Answers with an error; what was asked is done if it took effect before. */
  fail(error: unknown): void;
}

/** Where requests wait: `held` ones for the test, the others for nobody. */
export class Gate {
  /** How requests complete that come from now on: before the call returns, after it, or held. */
  mode: 'sync' | 'async' | 'held' = 'sync';
  /** What waits, the oldest first. */
  readonly held: HeldRequest[] = [];

  pass<T>(call: DriverCall, effect: () => T): Pending<T> {
    if (this.mode === 'sync') return effect();
    if (this.mode === 'async') return Promise.resolve().then(effect);
    return new Promise<T>((resolve, reject) => {
      let result: { readonly value: T } | undefined;
      const takeEffect = () => {
        result ??= { value: effect() };
        return result.value;
      };
      const leave = () => this.held.splice(this.held.indexOf(request), 1);
      const request: HeldRequest = {
        ...call,
        takeEffect,
        complete: () => {
          leave();
          resolve(takeEffect());
        },
        fail: (error) => {
          leave();
          reject(error);
        },
      };
      this.held.push(request);
    });
  }

  /** The oldest request that waits, of one operation if that is given. */
  next(operation?: Operation): HeldRequest {
    const found = this.held.find((held) => !operation || held.operation === operation);
    if (!found) throw new Error(`no ${operation ?? 'request'} is held`);
    return found;
  }
}

export interface TestDiskOptions {
  readonly size: number;
  readonly alignment?: number;
  readonly transferMax?: number;
  readonly discardAlignment?: number;
  readonly forceUnitAccess?: boolean;
  /** The optional operations that the driver has; all of them by default. */
  readonly operations?: readonly ('writeZeroes' | 'discard' | 'blockStatus' | 'resize')[];
  readonly children?: readonly BlockEdge[];
}

/** A disk in an array. What is discarded reads as 0xdd from then on. */
export class TestDisk implements BlockDriver {
  readonly limits: DriverLimits;
  readonly supports: DriverSupport;
  readonly children: readonly BlockEdge[];
  readonly reopening = {};
  readonly gate = new Gate();
  /** Everything that was asked, in order. */
  readonly calls: DriverCall[] = [];
  /** What the disk holds. */
  bytes: Uint8Array;
  /** Decides about zeroes; they may be refused with `ENOTSUP`. */
  beforeZeroes: (call: DriverCall) => void = () => {};
  /** Answers {@link BlockDriver.blockStatus}. */
  extentAt: (offset: number, length: number) => BlockExtent;
  readonly writeZeroes?: NonNullable<BlockDriver['writeZeroes']>;
  readonly discard?: NonNullable<BlockDriver['discard']>;
  readonly blockStatus?: NonNullable<BlockDriver['blockStatus']>;
  readonly resize?: NonNullable<BlockDriver['resize']>;

  constructor(options: TestDiskOptions) {
    const { size, alignment = 1, transferMax = Math.max(size, alignment) } = options;
    const { discardAlignment = alignment, forceUnitAccess = true, children = [] } = options;
    const operations = options.operations ?? ['writeZeroes', 'discard', 'blockStatus', 'resize'];
    this.limits = { alignment, transferMax, discardAlignment };
    this.supports = { forceUnitAccess };
    this.children = children;
    this.bytes = new Uint8Array(size);
    this.extentAt = (_offset, length) => ({ length, data: true, zero: false, allocated: true });
    if (operations.includes('writeZeroes')) this.writeZeroes = this.#writeZeroes;
    if (operations.includes('discard')) this.discard = this.#discard;
    if (operations.includes('blockStatus')) this.blockStatus = this.#blockStatus;
    if (operations.includes('resize')) this.resize = this.#resize;
  }

  /** Zeroes all from `start` on, and knows that it did. */
  zeroFrom(start: number): void {
    this.bytes.fill(0, start);
    this.extentAt = (offset, length) => {
      const zero = offset >= start;
      const known = zero ? length : Math.min(length, start - offset);
      return { length: known, data: !zero, zero, allocated: true };
    };
  }

  /** The operations that were asked for, in order. */
  get operations(): readonly Operation[] {
    return this.calls.map(({ operation }) => operation);
  }

  size(): number {
    return this.bytes.length;
  }

  read(offset: number, into: Uint8Array): Pending {
    const call = { operation: 'read', offset, length: into.length } as const;
    return this.#pass(call, () => into.set(this.bytes.subarray(offset, offset + into.length)));
  }

  write(offset: number, from: Uint8Array, options: WriteOptions): Pending {
    const call = { operation: 'write', offset, length: from.length, options } as const;
    return this.#pass(call, () => this.bytes.set(from, offset));
  }

  flush(): Pending {
    return this.#pass({ operation: 'flush', offset: 0, length: 0 }, () => {});
  }

  async close(): Promise<void> {
    await this.#pass({ operation: 'close', offset: 0, length: 0 }, () => {});
  }

  readonly #writeZeroes = (offset: number, length: number, options: WriteZeroesOptions) => {
    const call = { operation: 'writeZeroes', offset, length, options } as const;
    return this.#pass(call, () => {
      this.beforeZeroes(call);
      this.bytes.fill(0, offset, offset + length);
    });
  };

  readonly #discard = (offset: number, length: number) =>
    this.#pass({ operation: 'discard', offset, length }, () => {
      this.bytes.fill(0xdd, offset, offset + length);
    });

  readonly #blockStatus = (offset: number, length: number) =>
    this.#pass({ operation: 'blockStatus', offset, length }, () => this.extentAt(offset, length));

  readonly #resize = async (size: number) => {
    await this.#pass({ operation: 'resize', offset: 0, length: size }, () => {
      const bytes = new Uint8Array(size);
      bytes.set(this.bytes.subarray(0, size));
      this.bytes = bytes;
    });
  };

  #pass<T>(call: DriverCall, effect: () => T): Pending<T> {
    this.calls.push(call);
    const broken = brokenRule(call, this);
    if (broken) throw new Error(`The node broke the driver's contract: ${broken}`);
    return this.gate.pass(call, effect);
  }
}

/** @returns What is wrong with a request that a node sent to the driver. */
function brokenRule(call: DriverCall, { limits, supports, bytes }: TestDisk): string | undefined {
  const { operation, offset, length, options } = call;
  if (operation === 'flush' || operation === 'resize' || operation === 'close') return undefined;
  const end = offset + length;
  const place = `${operation} of ${length} bytes at ${offset}`;
  if (!(offset >= 0 && length >= 0 && end <= bytes.length)) return `${place} is outside the disk`;
  const unit = operation === 'discard' ? limits.discardAlignment : limits.alignment;
  if (offset % unit !== 0 || (end % unit !== 0 && end !== bytes.length)) {
    return `${place} is not aligned to ${unit}`;
  }
  const isTransfer = operation === 'read' || operation === 'write';
  if (isTransfer && length > limits.transferMax) return `${place} is too long`;
  if (options?.forceUnitAccess && !supports.forceUnitAccess) return `${place} has a flag`;
  return undefined;
}

/** A filter that passes everything on, having passed its own gate. */
export class PassThrough implements BlockDriver {
  readonly limits: DriverLimits;
  readonly supports: DriverSupport = { forceUnitAccess: true };
  readonly children: readonly BlockEdge[];
  readonly filtered: BlockEdge;
  readonly gate = new Gate();
  readonly #child: BlockEdge;
  isClosed = false;

  constructor(child: BlockEdge) {
    this.#child = child;
    this.filtered = child;
    this.children = [child];
    this.limits = { alignment: 1, transferMax: Number.MAX_SAFE_INTEGER, discardAlignment: 1 };
  }

  size(): number {
    return this.#child.size;
  }

  async read(offset: number, into: Uint8Array): Promise<void> {
    await this.gate.pass({ operation: 'read', offset, length: into.length }, () => {});
    await this.#child.read(offset, into);
  }

  async write(offset: number, from: Uint8Array, options: WriteOptions): Promise<void> {
    await this.gate.pass({ operation: 'write', offset, length: from.length }, () => {});
    await this.#child.write(offset, from, options);
  }

  async flush(): Promise<void> {
    await this.gate.pass({ operation: 'flush', offset: 0, length: 0 }, () => {});
    await this.#child.flush();
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}

/** A node with a driver under it, by itself. */
export function nodeOf(driver: BlockDriver, options: Partial<NodeOptions> = {}): BlockNode {
  const usual = { name: 'disk', driver: 'test', readOnly: false, unmap: false } as const;
  return new BlockNode({ ...usual, detectZeroes: 'off', ...options }, driver);
}

/** @returns Bytes none of which is zero and no two neighbours of which are equal. */
export function pattern(length: number, start = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index += 1) bytes[index] = ((start + index) % 251) + 1;
  return bytes;
}

/** A node that does nothing above another one. */
export function filterOver(below: BlockNode, name: string) {
  const edge = new BlockEdge(below, { name });
  const driver = new PassThrough(edge);
  return { node: nodeOf(driver, { name }), driver, edge };
}
