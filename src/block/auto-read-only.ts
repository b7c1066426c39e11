/** QEMU's `auto-read-only`: a disk that may not be written to is opened for reading. */

import { BlockError } from '../base/errors.ts';
import type { Pending } from '../base/pending.ts';

/** What is wanted of a disk. */
export interface WantedAccess {
  readonly readOnly: boolean;
  /** Whether reading would do, asked if it cannot be opened for writing. */
  readonly mayBeReadOnly: () => boolean;
}

/** What came of it, and whether it was opened for reading only. */
export interface Opened<Result> {
  readonly result: Result;
  readonly readOnly: boolean;
}

/** @throws {BlockError} What `open` fails with. */
export async function openAtLeast<Result>(
  { readOnly, mayBeReadOnly }: WantedAccess,
  open: (access: { readonly readOnly: boolean }) => Pending<Result>,
): Promise<Opened<Result>> {
  try {
    return { result: await open({ readOnly }), readOnly };
  } catch (error) {
    const isForbidden =
      error instanceof BlockError && (error.code === 'EACCES' || error.code === 'EROFS');
    if (!isForbidden || readOnly || !mayBeReadOnly()) throw error;
    return { result: await open({ readOnly: true }), readOnly: true };
  }
}
