/**
 * What to do about a failed request: QEMU's BlockdevOnError and BlockErrorAction, as one function.
 */

import type { BlockError } from '../base/errors.ts';

/** `enospc` stops for a full disk and reports all else; `auto` is the user's own choice. */
export type ErrorPolicy = 'report' | 'ignore' | 'enospc' | 'stop' | 'auto';

/** Tell of it and give up; go on as if nothing had been; or stop, for someone to mend it. */
export type ErrorAction = 'report' | 'ignore' | 'stop';

/** What went wrong since it was last mended. */
export type IoStatus = 'ok' | 'failed' | 'nospace';

export const ERROR_POLICIES: readonly ErrorPolicy[] = [
  'report',
  'ignore',
  'enospc',
  'stop',
  'auto',
];

/** @returns What a policy means for an error; `auto` means what `automatic` does. */
export function errorAction(
  policy: ErrorPolicy,
  error: BlockError,
  automatic: Exclude<ErrorPolicy, 'auto'> = 'enospc',
): ErrorAction {
  const actual = policy === 'auto' ? automatic : policy;
  if (actual !== 'enospc') return actual;
  return error.code === 'ENOSPC' ? 'stop' : 'report';
}

/** @returns The status after an error: the first one is kept until it is mended. */
export function ioStatusAfter(status: IoStatus, error: BlockError): IoStatus {
  if (status !== 'ok') return status;
  return error.code === 'ENOSPC' ? 'nospace' : 'failed';
}
