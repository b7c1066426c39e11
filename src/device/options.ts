/** How a virtio block device is made. */

import type { BlockError } from '../base/errors.ts';
import type { DeviceAccounts } from './accounting.ts';
import type { BackendOptions } from './backend.ts';
import type { Shape } from './configuration.ts';
import type { FailureOptions } from './failures.ts';
import type { GuestRequest } from './request.ts';

export interface VirtioBlockOptions extends BackendOptions, FailureOptions {
  readonly name: string;
  /** How many requests there may be at a time: a power of two up to 32768. @default 256 */
  readonly queueSize?: number | undefined;
  /** What the guest sees beyond the disk itself. */
  readonly shape?: Shape;
  /** Where its requests are counted, beside others of the same disk. @default Its own. */
  readonly accounts?: DeviceAccounts;
  /** Told why a request fails, which the status does not show. */
  readonly onError?: (error: BlockError, request: GuestRequest) => void;
}
