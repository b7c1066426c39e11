/** QEMU's `auto-read-only`: a disk that may not be written to is opened for reading. */

import { BlockError } from '../base/errors.ts';
import type { BlockDriver, DriverDefinition, OpenContext } from './driver.ts';
import type { CheckedOptions } from './options.ts';

/** What a driver is opened with. */
export interface Opening {
  readonly options: CheckedOptions;
  readonly context: OpenContext;
  /** Whether reading would do, asked if it cannot be opened for writing. */
  readonly mayBeReadOnly: () => boolean;
}

/** A driver, and whether it was opened for reading only. */
export interface Opened {
  readonly driver: BlockDriver;
  readonly readOnly: boolean;
}

/** @throws {BlockError} What the driver fails with. */
export async function openAtLeast(
  definition: DriverDefinition,
  { options, context, mayBeReadOnly }: Opening,
): Promise<Opened> {
  const { readOnly } = context;
  try {
    return { driver: await definition.open(options, context), readOnly };
  } catch (error) {
    const isForbidden =
      error instanceof BlockError && (error.code === 'EACCES' || error.code === 'EROFS');
    if (!isForbidden || readOnly || !mayBeReadOnly()) throw error;
    const reading = { ...context, readOnly: true };
    return { driver: await definition.open(options, reading), readOnly: true };
  }
}
