/** What a node inside the options of another is where its own do not say. */

import type { OpenContext } from './driver.ts';
import { type CheckedOptions, type NodeOptions, refuse } from './options.ts';

type Passed = 'readOnly' | 'unmap' | 'cache' | 'forceShare' | 'isGuessed';

/** What a parent gives to a node inside its options that does not say otherwise. */
export type Inherited = Pick<OpenContext, Passed> & {
  readonly autoReadOnly: boolean;
};

/** What is given to a node that is inside no other. */
export const USUAL: Inherited = {
  readOnly: false,
  autoReadOnly: false,
  unmap: false,
  cache: { direct: false, noFlush: false },
  forceShare: false,
  isGuessed: false,
};

/** A disk only reads what is behind it, and discards nothing there. */
export const BEHIND = { readOnly: true, autoReadOnly: false, unmap: false } as const;

/** What a node is, and what those inside its options are unless they say otherwise. */
export function passedOn(options: CheckedOptions, inherited: Inherited): Inherited {
  const { discard, cache } = options;
  return {
    readOnly: options['read-only'] ?? inherited.readOnly,
    autoReadOnly: options['auto-read-only'] ?? inherited.autoReadOnly,
    isGuessed: inherited.isGuessed,
    unmap: discard === undefined ? inherited.unmap : discard === 'unmap',
    cache: {
      direct: cache.direct ?? inherited.cache.direct,
      noFlush: cache['no-flush'] ?? inherited.cache.noFlush,
    },
    forceShare: options['force-share'] ?? inherited.forceShare,
  };
}

/** @throws {BlockError} `EINVAL` when it would unmap zeroes without being allowed to discard. */
export function demandDetectable({ unmap, detectZeroes }: Omit<NodeOptions, 'name'>): void {
  if (detectZeroes !== 'unmap' || unmap) return;
  const rule = 'setting detect-zeroes to unmap is not allowed';
  throw refuse(`${rule} without setting discard operation to unmap`);
}
