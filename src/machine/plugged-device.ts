/**
 * A device of a machine, and its place in QEMU's tree of objects.
 *
 * It is there by its id, or by a number if it has none. A virtio device on PCI is two objects, of
 * which the inner one uses the drive:
 *
 *     /machine/peripheral/ID                      /machine/peripheral-anon/device[N]
 *     /machine/peripheral/ID/virtio-backend       /machine/peripheral-anon/device[N]/virtio-backend
 */

import type { IoStatus } from '../block/error-policy.ts';
import type { Tray } from '../device/tray.ts';
import type { VirtioBlockDevice } from '../device/virtio-blk.ts';
import type { Drive, DriveDevice } from './drive.ts';
import type { GuestDevice } from './run-state.ts';

/** What a device is to the machine, whatever kind it is of. */
export interface DevicePlace {
  readonly id?: string | undefined;
  /** Which device the machine is to start from; the lowest is the first. */
  readonly bootIndex?: number | undefined;
  /** What uses the drive is an object inside that of the device. @default true */
  readonly hasBackend?: boolean;
  /** The bus that it cannot leave. @default None; it may leave. */
  readonly fixedOn?: string;
}

export class PluggedDevice implements DriveDevice, GuestDevice {
  readonly place: DevicePlace;
  readonly drive: Drive;
  /** The object of the device. */
  readonly root: string;
  /** The object that uses the drive. */
  readonly path: string;
  readonly tray: Tray | undefined;
  /** Where the guest asks, if it does. */
  front: VirtioBlockDevice | undefined;
  /** It is on its way out. */
  isLeaving = false;
  /** What the guest does about that once it can. */
  agree: () => void = () => {};

  constructor(drive: Drive, root: string, place: DevicePlace, tray?: Tray) {
    this.drive = drive;
    this.root = root;
    this.place = place;
    this.tray = tray;
    this.path = this.#hasBackend ? `${root}/virtio-backend` : root;
  }

  /** What queries call it. */
  get qdev(): string {
    return this.#hasBackend ? this.path : (this.place.id ?? this.path);
  }

  get ioStatus(): IoStatus | undefined {
    return this.front ? this.front.ioStatus : 'ok';
  }

  get writeback(): boolean | undefined {
    return this.front?.config.writeback;
  }

  /** What tells of its end, from the inside out. */
  get objects(): readonly { readonly path: string; readonly device?: string }[] {
    const { id } = this.place;
    const outer = { ...(id !== undefined && { device: id }), path: this.root };
    return this.#hasBackend ? [{ path: this.path }, outer] : [outer];
  }

  get stopped(): boolean {
    return this.front?.stopped ?? false;
  }

  /** What waits for its throttle limits does not hold the machine up. */
  async stop(): Promise<void> {
    await this.drive.unlimited(async () => this.front?.stop());
  }

  cont(): void {
    this.front?.cont();
    this.agree();
  }

  reset(): void {
    this.front?.reset();
    this.agree();
  }

  /** Resolves when nothing of it is in flight any more, nor will be. */
  async close(): Promise<void> {
    await this.drive.unlimited(async () => this.front?.close());
  }

  get #hasBackend(): boolean {
    return this.place.hasBackend ?? true;
  }
}
