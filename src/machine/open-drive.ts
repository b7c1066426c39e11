/** Makes a drive with a medium in it, or an empty one, as `-drive` does. */

import type { ThrottleLimits } from '../filters/throttle-limits.ts';
import type { Drive, DriveOptions } from './drive.ts';
import type { Machine } from './machine.ts';
import { type ImageFile, openImage } from './open-image.ts';

/** A drive to be made. */
export interface DriveStart extends DriveOptions {
  /** What is in it; nothing, if it is to be empty. */
  readonly image?: ImageFile | undefined;
  readonly limits?: ThrottleLimits;
  /** With which drives it shares its limits. @default With nobody. */
  readonly group?: string | undefined;
}

/**
 * Makes it.
 *
 * @throws {BlockError} `EEXIST` for a name in use, `EINVAL` for limits that do not go together, and
 *   as `openImage`. Nothing is left of a failure.
 */
export async function openDrive(machine: Machine, start: DriveStart): Promise<Drive> {
  const { image, limits = {}, group, ...options } = start;
  const drive = machine.drives.add(options);
  try {
    machine.drives.throttle(drive, group ?? drive.name, limits);
    if (image) await machine.drives.insertOwn(drive, await openImage(machine, image));
    return drive;
  } catch (error) {
    await machine.drives.remove(drive);
    throw error;
  }
}
