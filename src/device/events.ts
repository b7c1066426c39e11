/** What a device tells, named and shaped as QEMU's QMP events; the time stamp is added above. */

import type { ErrorAction } from '../block/error-policy.ts';

/** A request that the disk failed, and what becomes of it. */
export interface BlockIoErrorInfo {
  /** The name of the device. */
  readonly device: string;
  /** The device's place in QEMU's tree of objects. */
  readonly 'qom-path': string;
  /** The node that the device stands on. */
  readonly 'node-name': string;
  /** A read, or else: flushes, discards and write zeroes are writes. */
  readonly operation: 'read' | 'write';
  readonly action: ErrorAction;
  /** There is no space left; absent when no error can stop the machine. */
  readonly nospace?: boolean;
  /** What went wrong, for people. */
  readonly reason: string;
}

export type DeviceEvent =
  /** A tray was opened or closed. */
  | {
      readonly event: 'DEVICE_TRAY_MOVED';
      /** The drive, the device, and how its tray is now. */
      readonly data: {
        readonly device: string;
        readonly id: string;
        readonly 'tray-open': boolean;
      };
    }
  /** One request failed; told before anything is done about it. */
  | { readonly event: 'BLOCK_IO_ERROR'; readonly data: BlockIoErrorInfo }
  /** The device has left; who unplugged it tells this, when its `close()` has resolved. */
  | {
      readonly event: 'DEVICE_DELETED';
      /** Without a name it is of a part of the device. */
      readonly data: { readonly device?: string; readonly path: string };
    };
