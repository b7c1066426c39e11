/**
 * The limits that blkdebug gives its node, other than those of the node below: QEMU's options
 * `align`, `max-transfer`, `opt-write-zero`, `max-write-zero`, `opt-discard` and `max-discard`.
 *
 * They make a disk of 4 KiB sectors, or one that takes small pieces only, out of any other. 0 is as
 * good as none. The units of zeroes and of discards are powers of two here, as they are for every
 * driver; QEMU takes others too.
 */

import { BlockError } from '../base/errors.ts';
import { isPowerOfTwo } from '../base/ranges.ts';
import { ZEROES } from '../base/zeroes.ts';
import type { DriverLimits } from '../block/driver.ts';
import { demandUnsigned } from '../block/options.ts';
import { withDefault } from '../wire/qapi/composites.ts';
import { int } from '../wire/qapi/scalars.ts';

/** QEMU's are `int`s. */
const LIMIT_MAX = 2 ** 31 - 2;

/** Bytes, each of them. */
export const LIMIT_OPTIONS = {
  align: withDefault(int, 0),
  'max-transfer': withDefault(int, 0),
  'opt-write-zero': withDefault(int, 0),
  'max-write-zero': withDefault(int, 0),
  'opt-discard': withDefault(int, 0),
  'max-discard': withDefault(int, 0),
};

type LimitOptions = { readonly [Name in keyof typeof LIMIT_OPTIONS]: number };

/**
 * @param below The limits of the node below, which hold where no others are given.
 * @throws {BlockError} `EINVAL` for limits that contradict one another.
 */
export function limitsOf(
  options: LimitOptions,
  below: DriverLimits,
  nodeName: string,
): DriverLimits {
  const demand = (name: keyof LimitOptions, isMet: boolean) => {
    demandUnsigned(options[name], name);
    if (options[name] === 0 || (isMet && options[name] <= LIMIT_MAX)) return;
    const reason = `Cannot meet constraints with ${name} ${options[name]}`;
    throw new BlockError('EINVAL', `open "${nodeName}"`, reason);
  };
  const multiple = (name: keyof LimitOptions, unit: number) =>
    demand(name, options[name] % unit === 0);
  const unitOf = (name: 'opt-write-zero' | 'opt-discard', usual: number) => {
    multiple(name, alignment);
    demand(name, isPowerOfTwo(options[name]));
    return options[name] === 0 ? Math.max(usual, alignment) : options[name];
  };

  const { align } = options;
  demand('align', isPowerOfTwo(align) && align <= ZEROES.length);
  const alignment = Math.max(align, below.alignment);
  multiple('max-transfer', alignment);
  const zeroesAlignment = unitOf('opt-write-zero', below.zeroesAlignment ?? 1);
  multiple('max-write-zero', zeroesAlignment);
  const discardAlignment = unitOf('opt-discard', below.discardAlignment);
  multiple('max-discard', discardAlignment);

  const longest = (name: keyof LimitOptions, unit: number, usual = Number.MAX_SAFE_INTEGER) =>
    options[name] === 0 ? Math.max(usual, unit) : options[name];
  return {
    alignment,
    transferMax: longest('max-transfer', alignment, below.transferMax),
    discardAlignment,
    zeroesAlignment,
    zeroesMax: longest('max-write-zero', zeroesAlignment, below.zeroesMax),
    discardMax: longest('max-discard', discardAlignment, below.discardMax),
  };
}
