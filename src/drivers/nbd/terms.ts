/**
 * What client and server have agreed on, and what requests may therefore be.
 *
 * Where a server says nothing of block sizes, QEMU's rule holds: sectors, on a disk of whole
 * sectors, and transfers of 32 MiB at most.
 */

import type { BlockErrorCode } from '../../base/errors.ts';
import { alignDown, isPowerOfTwo } from '../../base/ranges.ts';
import type { DriverLimits } from '../../block/driver.ts';
import { DEFAULT_BLOCK_SIZES, EXPORT_FLAG } from '../../wire/nbd/constants.ts';
import type { ExportFacts } from '../../wire/nbd/greeting.ts';
import type { BlockSizes } from '../../wire/nbd/option-replies.ts';
import type { ReplyStyle } from '../../wire/nbd/replies.ts';

export interface Terms extends ExportFacts {
  readonly style: ReplyStyle;
  /** What the server calls the context whose status can be asked for, if it has it. */
  readonly context: number | undefined;
  readonly sizes: BlockSizes | undefined;
}

/** Why terms will not do. */
export interface Refusal {
  readonly code: BlockErrorCode;
  readonly reason: string;
}

const SECTOR_SIZE = 512;
/** The largest block that a request is brought to. */
const MINIMUM_MAX = 65_536;
/** QEMU's limit for requests without data, when their length has 32 bits. */
const EFFECT_LENGTH_MAX = 2 ** 31 - 1;

/** @returns Why no disk can be made of that, or nothing. */
export function whyUnusable({ size, sizes }: Terms): Refusal | undefined {
  if (!Number.isSafeInteger(size)) return unusable('the export is larger than any disk');
  if (!sizes) return undefined;
  const { minimum, preferred, maximum } = sizes;
  const named = `server minimum block size ${minimum}`;
  if (!isPowerOfTwo(minimum)) return unusable(`${named} is not a power of two`);
  if (minimum > MINIMUM_MAX) return unusable(`${named} is larger than ${MINIMUM_MAX}`);
  if (!isPowerOfTwo(preferred) || preferred < minimum) {
    return unusable(`server preferred block size ${preferred} is not valid`);
  }
  if (maximum < minimum) return unusable(`server maximum block size ${maximum} is not valid`);
  if (size % minimum === 0) return undefined;
  return unusable(`export size ${size} is not multiple of minimum block size ${minimum}`);
}

function unusable(reason: string): Refusal {
  return { code: 'EINVAL', reason };
}

/** The limits of requests; lengths of 64 bits have none but those of data. */
export function limitsOf({ size, sizes, style }: Terms): DriverLimits {
  const usual = size % SECTOR_SIZE === 0 ? SECTOR_SIZE : 1;
  const alignment = sizes?.minimum ?? usual;
  const longest = Math.min(sizes?.maximum ?? Infinity, DEFAULT_BLOCK_SIZES.maximum);
  const transferMax = alignDown(longest, alignment);
  const limits = { alignment, transferMax, discardAlignment: alignment };
  if (style.extended) return limits;
  const effectMax = alignDown(EFFECT_LENGTH_MAX, alignment);
  return { ...limits, zeroesMax: effectMax, discardMax: effectMax };
}

/**
 * Compares a server that has come back with what it was.
 *
 * @returns Why the disk cannot go on on it, or nothing.
 */
export function whyWorse(before: Terms, now: Terms): Refusal | undefined {
  if (now.size !== before.size) {
    return unusable(`the export has ${now.size} bytes now, and had ${before.size}`);
  }
  const gained = now.flags & ~before.flags;
  const lost = before.flags & ~now.flags;
  if (gained & EXPORT_FLAG.READ_ONLY) return unusable('the export is read-only now');
  const missing = RELIED_ON.find(([, flag]) => (lost & flag) !== 0);
  if (missing) return unusable(`the server does not offer ${missing[0]} any more`);
  if (before.context !== undefined && now.context === undefined) {
    return unusable('the server does not tell of blocks any more');
  }
  if (before.style.extended && !now.style.extended) {
    return unusable('the server does not take long requests any more');
  }
  const [was, is] = [limitsOf(before), limitsOf(now)];
  if (is.alignment <= was.alignment && is.transferMax >= was.transferMax) return undefined;
  return unusable('the server demands other block sizes now');
}

/** The flags on which the driver builds. */
const RELIED_ON = [
  ['flushes', EXPORT_FLAG.SEND_FLUSH],
  ['FUA', EXPORT_FLAG.SEND_FUA],
  ['discards', EXPORT_FLAG.SEND_TRIM],
  ['zeroes', EXPORT_FLAG.SEND_WRITE_ZEROES],
  ['fast zeroes', EXPORT_FLAG.SEND_FAST_ZERO],
] as const;
