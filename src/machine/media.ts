/**
 * Trays are opened and closed, media taken out and put in, as QEMU's commands do it.
 *
 * A drive without a device is like one with a removable medium and no tray: there is nobody who
 * would be surprised.
 */

import { BlockError, type BlockErrorCode } from '../base/errors.ts';
import { backingChain } from '../block/allocation.ts';
import type { BlockNode } from '../block/node.ts';
import type { Drive } from './drive.ts';
import type { Machine } from './machine.ts';
import { openImage } from './open-image.ts';

/** A drive, and what the user called it, for messages. */
export interface NamedDrive {
  readonly drive: Drive;
  /** The name of the drive or of its device. */
  readonly name: string;
}

/** Opens the tray, if there is one. @throws {BlockError} `ENOTSUP` for a fixed disk. */
export function openTray(named: NamedDrive): void {
  demandRemovable(named);
  named.drive.device?.tray?.open();
}

/** Closes the tray, if there is one. @throws {BlockError} `ENOTSUP` for a fixed disk. */
export function closeTray(named: NamedDrive): void {
  demandRemovable(named);
  named.drive.device?.tray?.close();
}

/**
 * Takes the medium out, if there is one.
 *
 * @throws {BlockError} `ENOTSUP` for a fixed disk, `EBUSY` for a closed tray or a medium that a job
 *   works on.
 */
export async function removeMedium({ drives }: Machine, named: NamedDrive): Promise<void> {
  const { drive, name } = named;
  demandRemovable(named);
  if (drive.device?.tray?.isOpen === false) {
    throw refuse('EBUSY', `Tray of device '${name}' is not open`);
  }
  const { medium } = drive;
  if (!medium) return;
  const isInJob = backingChain(medium).some(({ parents }) =>
    [...parents].some(({ parent }) => parent.kind === 'job'),
  );
  if (isInJob) {
    const reason = 'block device is in use by block job: mirror';
    throw refuse('EBUSY', `Node '${drive.name || medium.name}' is busy: ${reason}`);
  }
  await drives.eject(drive);
}

/**
 * Puts a medium in.
 *
 * @throws {BlockError} `ENOTSUP` for a fixed disk, `EBUSY` for a closed tray, a drive that has a
 *   medium, or one that others exclude the drive from.
 */
export function insertMedium({ drive }: NamedDrive, medium: BlockNode): void {
  if (!drive.isRemovable) throw refuse('ENOTSUP', 'Device is not removable');
  if (drive.device?.tray?.isOpen === false) {
    throw refuse('EBUSY', 'Tray of the device is not open');
  }
  if (drive.medium) throw refuse('EBUSY', 'There already is a medium in the device');
  drive.insert(medium);
}

/** Another medium for a drive. */
export interface MediumChange {
  readonly filename: string;
  /** @default What the image looks like. */
  readonly format?: string | undefined;
  /** @default As it was. */
  readonly readOnly?: boolean | undefined;
}

/**
 * Puts an image in the place of whatever there is: with a tray opened and closed around it.
 *
 * @throws {BlockError} As `openImage`, {@link removeMedium} and {@link insertMedium}.
 */
export async function changeMedium(
  machine: Machine,
  named: NamedDrive,
  { filename, format, readOnly = named.drive.isReadOnly }: MediumChange,
): Promise<void> {
  const { drive } = named;
  const common = { 'read-only': readOnly ? 'on' : 'off' };
  const options = { ...common, 'detect-zeroes': drive.options.detectZeroes ?? 'off' };
  const medium = await openImage(machine, { filename, format, options });
  try {
    openTray(named);
    await removeMedium(machine, named);
  } catch (error) {
    await machine.graph.close(medium);
    throw error;
  }
  await machine.drives.insertOwn(drive, medium);
  drive.isReadOnly = readOnly;
  closeTray(named);
}

function demandRemovable({ drive, name }: NamedDrive): void {
  if (!drive.isRemovable) throw refuse('ENOTSUP', `Device '${name}' is not removable`);
}

function refuse(code: BlockErrorCode, reason: string): BlockError {
  return new BlockError(code, 'change the medium', reason);
}
