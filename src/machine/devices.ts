/** The devices of a machine: plugged in, found, unplugged. */

import { BlockError, type BlockErrorCode } from '../base/errors.ts';
import { type NodeUse, PERMISSIONS } from '../block/permissions.ts';
import type { AccountRules } from '../device/accounting.ts';
import type { DeviceEvent } from '../device/events.ts';
import type { VirtioBlockOptions } from '../device/options.ts';
import { Tray } from '../device/tray.ts';
import { VirtioBlockDevice } from '../device/virtio-blk.ts';
import type { Clock } from '../env/env.ts';
import type { Drive } from './drive.ts';
import type { Drives } from './drives.ts';
import { type DevicePlace, PluggedDevice } from './plugged-device.ts';

/** The parts of a machine that devices need. */
export interface DevicesParts {
  readonly drives: Drives;
  readonly clock: Clock;
  readonly onEvent: (event: DeviceEvent) => void;
  /** Whether devices may go at once: the guest agrees, for it runs, or it has not begun. */
  readonly mayLeave: () => boolean;
  /** Asked to stop the machine because of an error. */
  readonly onStop: () => void;
  /** A device is there now: it is to stand still if the machine does. */
  readonly onPlug: (device: PluggedDevice) => void;
}

/** How a virtio block device is plugged in. */
export interface VirtioBlockPlug
  extends DevicePlace,
    Omit<VirtioBlockOptions, 'name' | 'path' | 'accounts'> {
  /** Others may write to the disk as well: QEMU's share-rw. @default false */
  readonly shareRw?: boolean | undefined;
  /** What is made of requests that are not done. @default As the drive does it. */
  readonly accountRules?: Partial<AccountRules>;
}

/** How a CD drive is plugged in. */
export interface CdPlug extends Omit<DevicePlace, 'hasBackend'> {
  /** Others may write to the medium. @default false */
  readonly shareRw?: boolean;
  /** What is made of requests that are not done. @default As the drive does it. */
  readonly accountRules?: Partial<AccountRules>;
}

export class Devices implements Iterable<PluggedDevice> {
  readonly #parts: DevicesParts;
  readonly #plugged = new Set<PluggedDevice>();
  /** Resolves when those have left that the guest has let go. */
  #leaving: Promise<unknown> = Promise.resolve();
  /** How many devices without an id there have been. */
  #nameless = 0;

  constructor(parts: DevicesParts) {
    this.#parts = parts;
  }

  [Symbol.iterator](): Iterator<PluggedDevice> {
    return this.#plugged.values();
  }

  /** The oldest first. */
  get all(): readonly PluggedDevice[] {
    return [...this.#plugged];
  }

  /** Finds a device by its id, its place, or that of the object that uses its drive. */
  find(name: string): PluggedDevice | undefined {
    return this.all.find(
      ({ place, root, path }) => name === place.id || name === root || name === path,
    );
  }

  /**
   * Plugs a virtio block device into a drive.
   *
   * @param root Its place, if that was asked for already.
   * @throws {BlockError} `EEXIST` for an id or a boot index in use, `EBUSY` for a drive that has a
   *   device or a medium in use by others, `ENODEV` for an empty one, `EPERM` for a read-only one
   *   that is to be written to; {@link RangeError} as the device's own options say. Nothing has
   *   changed then.
   */
  plug(drive: Drive, options: VirtioBlockPlug, root = this.rootFor(options.id)): PluggedDevice {
    this.#demandPlace(options, drive);
    const device = new PluggedDevice(drive, root, options);
    const { medium } = drive;
    if (!medium) throw refuse('ENODEV', 'Device needs media, but drive is empty');
    const { readOnly = drive.isReadOnly || medium.options.readOnly, ...rest } = options;
    drive.attach(device, useOf({ readOnly, shareRw: options.shareRw ?? false }));
    try {
      device.front = this.#frontOf(device, { readOnly, ...rest });
    } catch (error) {
      drive.detach();
      throw error;
    }
    drive.setAccountRules(options.accountRules);
    this.#plugged.add(device);
    this.#parts.onPlug(device);
    return device;
  }

  /**
   * Plugs a CD drive into a drive, which may be empty. Its guest asks for nothing here, but its
   * tray and its media are moved as in QEMU.
   *
   * @throws {BlockError} As {@link Devices.plug}.
   */
  plugCd(drive: Drive, place: CdPlug, root = this.rootFor(place.id)): PluggedDevice {
    this.#demandPlace(place, drive);
    const tray = new Tray((isOpen) => {
      const data = { device: drive.name, id: device.qdev, 'tray-open': isOpen };
      this.#parts.onEvent({ event: 'DEVICE_TRAY_MOVED', data });
    });
    const device = new PluggedDevice(drive, root, { ...place, hasBackend: false }, tray);
    drive.attach(device, useOf({ readOnly: true, shareRw: place.shareRw ?? false }));
    drive.setAccountRules(place.accountRules);
    this.#plugged.add(device);
    return device;
  }

  /**
   * Asks the guest to let a device go. One that runs agrees at once, and one that has not begun is
   * not asked; one that is stopped agrees when it goes on, or is reset.
   */
  requestUnplug(device: PluggedDevice): void {
    const { clock, mayLeave } = this.#parts;
    device.isLeaving = true;
    device.agree = () => {
      device.agree = () => {};
      // One after the other, in the order in which the guest agrees.
      this.#leaving = Promise.all([this.#leaving, clock.turn()]).then(() => this.unplug(device));
    };
    if (mayLeave()) device.agree();
  }

  /** Takes a device out, once what its guest asked for has ended; its drive goes with it. */
  async unplug(device: PluggedDevice): Promise<void> {
    device.isLeaving = true;
    await device.close();
    if (!this.#plugged.delete(device)) return;
    device.drive.detach();
    await this.#parts.drives.remove(device.drive);
    for (const data of device.objects) this.#parts.onEvent({ event: 'DEVICE_DELETED', data });
  }

  /** The place of a new device. @throws {BlockError} `EEXIST` for an id that a device has. */
  rootFor(id: string | undefined): string {
    if (id === undefined) {
      this.#nameless += 1;
      return `/machine/peripheral-anon/device[${this.#nameless - 1}]`;
    }
    const isTaken = this.all.some(({ place }) => place.id === id);
    if (isTaken) throw refuse('EEXIST', `Duplicate device ID '${id}'`);
    return `/machine/peripheral/${id}`;
  }

  #demandPlace({ bootIndex }: DevicePlace, { name, device }: Drive): void {
    const isTaken = this.all.some(({ place }) => place.bootIndex === bootIndex);
    if (bootIndex !== undefined && bootIndex >= 0 && isTaken) {
      throw refuse('EEXIST', `The bootindex ${bootIndex} has already been used`);
    }
    if (!device) return;
    throw refuse('EBUSY', `Drive '${name}' is already in use by another device`);
  }

  #frontOf({ drive, root }: PluggedDevice, options: VirtioBlockPlug): VirtioBlockDevice {
    const { edge, name, accounts, options: given } = drive;
    if (!edge) throw new TypeError('Cannot plug in a device: the drive must have a medium');
    const { rerror = 'auto', werror = 'auto', ...rest } = options;
    const { clock, onEvent, onStop } = this.#parts;
    const { writeCache } = given;
    return new VirtioBlockDevice(edge, clock, {
      name,
      path: root,
      accounts,
      onEvent,
      onStop,
      writeCache,
      rerror: rerror === 'auto' ? (given.rerror ?? 'auto') : rerror,
      werror: werror === 'auto' ? (given.werror ?? 'auto') : werror,
      ...rest,
    });
  }
}

/** A guest that wrote beside another would not know of it. */
function useOf({ readOnly, shareRw }: { readOnly: boolean; shareRw: boolean }): NodeUse {
  return {
    needs: readOnly ? ['consistent-read'] : ['consistent-read', 'write'],
    shares: PERMISSIONS.filter((each) => shareRw || each !== 'write'),
  };
}

function refuse(code: BlockErrorCode, reason: string): BlockError {
  return new BlockError(code, 'plug in the device', reason);
}
