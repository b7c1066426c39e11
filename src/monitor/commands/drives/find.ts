/** Drives by the names that commands give. */

import { BlockError } from '../../../base/errors.ts';
import type { Drive } from '../../../machine/drive.ts';
import type { NamedDrive } from '../../../machine/media.ts';
import { optional, withFeatures } from '../../../wire/qapi/composites.ts';
import { str } from '../../../wire/qapi/scalars.ts';
import { type MonitorContext, MonitorError } from '../../command.ts';

/** Arguments that name a drive: one of them is given. */
export const driveName = {
  /** The name of the drive. */
  device: withFeatures(optional(str), 'deprecated'),
  /** The id of its device, or its place in QEMU's tree of objects. */
  id: optional(str),
};

/** A drive by its own name or that of its device. */
export interface DriveName {
  readonly device?: string | undefined;
  readonly id?: string | undefined;
}

/**
 * Finds a drive.
 *
 * @throws {BlockError} `EINVAL` unless one name is given, and for a device that uses no drive by
 *   itself; {@link MonitorError} when there is none of that name.
 */
export function findDrive({ machine }: MonitorContext, { device, id }: DriveName): NamedDrive {
  const name = device ?? id;
  if (name === undefined || (device !== undefined && id !== undefined)) {
    throw refuse("Need exactly one of 'device' and 'id'");
  }
  const drive = device === undefined ? driveOfDevice(machine, name) : machine.drives.find(name);
  if (drive) return { drive, name };
  throw new MonitorError('DeviceNotFound', `Device '${name}' not found`);
}

function driveOfDevice({ devices }: MonitorContext['machine'], name: string): Drive | undefined {
  const device = devices.find(name);
  if (!device) return undefined;
  // Of two objects the inner one uses the drive.
  const isOuter = name !== device.path && device.path !== device.root;
  if (isOuter) throw refuse('Device does not have a block device backend');
  return device.drive;
}

function refuse(reason: string): BlockError {
  return new BlockError('EINVAL', 'find a drive', reason);
}
