/** How to mirror: QEMU's arguments of blockdev-mirror, and what its users miss there. */

import { BlockError } from '../../base/errors.ts';
import { alignUp, isPowerOfTwo } from '../../base/ranges.ts';
import { GRANULARITY_MIN } from '../../bitmap/dirty-bitmap.ts';
import type { ErrorPolicy } from '../../block/error-policy.ts';
import type { BlockNode } from '../../block/node.ts';

/** The longest single read or write of a copy, in bytes. */
export const TRANSFER_MAX = 1024 * 1024;

const DEFAULT_BUF_SIZE = 16 * 1024 * 1024;
/** Where the target has no clusters, in bytes. */
export const DEFAULT_GRANULARITY = 64 * 1024;
const DEFAULT_GRANULARITY_MIN = 4096;
const GRANULARITY_MAX = 64 * 1024 * 1024;
const DEFAULT_LATENCY_BUDGET_MS = 20;

/**
 * How guest writes reach the target. `background`: they mark what they touched, which is copied
 * later. `write-blocking`: they complete when source and target have them, so nothing gets dirty
 * any more; copies are rationed so that the guest keeps within the latency budget. `adaptive`:
 * background while that gets the two to meet, else as write-blocking.
 */
export type CopyMode = 'background' | 'write-blocking' | 'adaptive';

/** By QEMU's names in camel case. */
export interface MirrorOptions {
  /**
   * `full`: the whole disk as its guest sees it. `top`: only what its uppermost image holds, for a
   * target that has the same backing. `none`: only what is written after the start.
   *
   * @default 'full'
   */
  readonly sync?: 'full' | 'top' | 'none';
  /** @default 'background' */
  readonly copyMode?: CopyMode;
  /**
   * Bytes that one bit of the dirty bitmap stands for: a power of two from 512 to 64 MiB.
   *
   * @default The target's cluster size within 4096 and 65536, or 65536 when it has none.
   */
  readonly granularity?: number;
  /**
   * Bytes of buffer for copies in flight.
   *
   * @default 16777216
   */
  readonly bufSize?: number;
  /**
   * The limit in bytes a second; 0 is none.
   *
   * @default 0
   */
  readonly speed?: number;
  /**
   * What the limit holds for: the copies until source and target have first met, as QEMU's, or
   * everything that is written to the target, guest writes included.
   *
   * @default 'initial-copy'
   */
  readonly limits?: 'initial-copy' | 'everything';
  /** What to do when the source cannot be read. @default 'report' */
  readonly onSourceError?: ErrorPolicy;
  /** What to do when the target cannot be written or flushed. @default 'report' */
  readonly onTargetError?: ErrorPolicy;
  /** Zeroes may be unmapped on the target. @default true */
  readonly unmap?: boolean;
  /** The target reads as zeroes: it need not be asked, nor zeroed. @default false */
  readonly targetIsZero?: boolean;
  /** The name of the node that completion replaces by the target. @default The source. */
  readonly replaces?: string;
  /** The name of the filter over the source while the job runs. @default One of no meaning. */
  readonly filterNodeName?: string;
  /**
   * What is behind the target at the end: what it has now, or what makes it equal to the source,
   * which is nothing for `full`, the source's own backing for `top`, and the source for `none`.
   *
   * @default 'keep'
   */
  readonly targetBacking?: 'keep' | 'source';
  /**
   * How long a guest write may take, 99 times of 100, while writes go to both disks; in
   * milliseconds, and as far as fewer copies can help.
   *
   * @default 20
   */
  readonly latencyBudgetMs?: number;
}

/** Options once checked. */
export type MirrorSettings = Required<Omit<MirrorOptions, 'replaces' | 'filterNodeName'>> &
  Pick<MirrorOptions, 'replaces' | 'filterNodeName'>;

/** @throws {BlockError} `EINVAL` for what is out of range. */
export function checkOptions(options: MirrorOptions, target: BlockNode): MirrorSettings {
  const { granularity = 0, bufSize = 0, speed = 0 } = options;
  const { latencyBudgetMs = DEFAULT_LATENCY_BUDGET_MS } = options;
  if (granularity !== 0) checkGranularity(granularity);
  if (!Number.isSafeInteger(bufSize) || bufSize < 0) throw refusal("Invalid parameter 'buf-size'");
  if (!(latencyBudgetMs > 0)) {
    throw refusal("Parameter 'latency-budget-ms' expects a positive value");
  }
  const unit = granularity || defaultGranularity(target);
  return {
    sync: 'full',
    copyMode: 'background',
    limits: 'initial-copy',
    onSourceError: 'report',
    onTargetError: 'report',
    unmap: true,
    targetIsZero: false,
    targetBacking: 'keep',
    ...options,
    latencyBudgetMs,
    granularity: unit,
    bufSize: alignUp(bufSize || DEFAULT_BUF_SIZE, Math.min(unit, TRANSFER_MAX)),
    speed,
  };
}

/** @throws {BlockError} `EINVAL` for what is no speed. */
export function checkSpeed(speed: number): void {
  if (Number.isSafeInteger(speed) && speed >= 0) return;
  throw refusal("Parameter 'speed' expects a non-negative value");
}

/** An error of whoever started the mirror. */
export function refusal(reason: string, code: 'EINVAL' | 'EPERM' = 'EINVAL'): BlockError {
  return new BlockError(code, 'start the mirror', reason);
}

function checkGranularity(granularity: number): void {
  if (!(granularity >= GRANULARITY_MIN && granularity <= GRANULARITY_MAX)) {
    throw refusal("Parameter 'granularity' expects a value in range [512B, 64MB]");
  }
  if (!isPowerOfTwo(granularity)) throw refusal("Parameter 'granularity' expects a power of 2");
}

function defaultGranularity({ clusterSize = DEFAULT_GRANULARITY }: BlockNode): number {
  return Math.min(Math.max(clusterSize, DEFAULT_GRANULARITY_MIN), DEFAULT_GRANULARITY);
}
