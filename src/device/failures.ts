/**
 * What a device does about the failures of its disk: QEMU's `rerror` and `werror`.
 *
 *     report   the guest is told
 *     ignore   the guest is told that all went well; what it read is what its buffer held
 *     stop     the machine stops; the request is kept, and carried out again when it continues
 *     enospc   stop for a full disk, report for all else
 *     auto     report for reads, enospc for writes
 *
 * As in QEMU, `werror` is for whatever is no read: flushes, discards and write zeroes as well.
 * Where nobody is told that the machine should stop, nobody would continue it either, and a guest
 * that never asked for that would wait for ever: there `auto` is report.
 */

import type { BlockError } from '../base/errors.ts';
import {
  type ErrorAction,
  type ErrorPolicy,
  errorAction,
  type IoStatus,
  ioStatusAfter,
} from '../block/error-policy.ts';
import type { DeviceEvent } from './events.ts';
import type { GuestRequest } from './request.ts';

export interface FailureOptions {
  /** The name of the device. */
  readonly name: string;
  /** Its place in QEMU's tree of objects. @default `/machine/peripheral/` and its name. */
  readonly path?: string;
  /** What happens when a read fails. @default 'auto', which is report */
  readonly rerror?: ErrorPolicy;
  /** What happens when another request fails. @default 'auto': enospc, or report without onStop */
  readonly werror?: ErrorPolicy;
  /** Told of each failure of the disk, before anything is done about it. */
  readonly onEvent?: (event: DeviceEvent) => void;
  /** Asked to stop the machine; the device itself has stopped. */
  readonly onStop?: (reason: 'io-error') => void;
}

/** A request that failed, and what becomes of it. */
export interface Failure {
  readonly request: GuestRequest;
  readonly error: BlockError;
  readonly action: ErrorAction;
  /** The name of the node that was asked. */
  readonly nodeName: string;
}

/** Where a device is in QEMU's tree of objects. */
export function pathOf({ name, path }: Pick<FailureOptions, 'name' | 'path'>): string {
  return path ?? `/machine/peripheral/${name}`;
}

export class Failures {
  readonly #options: FailureOptions;
  readonly #policies: Readonly<Record<'read' | 'write', ErrorPolicy>>;
  readonly #canStop: boolean;
  #ioStatus: IoStatus = 'ok';

  constructor(options: FailureOptions) {
    const { rerror = 'auto', werror = 'auto' } = options;
    const read = rerror === 'auto' ? 'report' : rerror;
    const write = werror === 'auto' ? (options.onStop ? 'enospc' : 'report') : werror;
    this.#options = options;
    this.#policies = { read, write };
    this.#canStop = [read, write].some((policy) => policy === 'stop' || policy === 'enospc');
  }

  /** Why the machine stopped, until it continues; `undefined` when no error can stop it. */
  get ioStatus(): IoStatus | undefined {
    return this.#canStop ? this.#ioStatus : undefined;
  }

  /** @returns What the policy for the request says. */
  actionFor(request: GuestRequest, error: BlockError): ErrorAction {
    return errorAction(this.#policies[operationOf(request)], error);
  }

  /** Notes a failure and tells of it, in this order: the event finds the status changed. */
  tell({ request, error, action, nodeName }: Failure): void {
    if (action === 'stop') this.#ioStatus = ioStatusAfter(this.#ioStatus, error);
    this.#options.onEvent?.({
      event: 'BLOCK_IO_ERROR',
      data: {
        device: this.#options.name,
        'qom-path': `${pathOf(this.#options)}/virtio-backend`,
        'node-name': nodeName,
        operation: operationOf(request),
        action,
        ...(this.#canStop && { nospace: error.code === 'ENOSPC' }),
        reason: error.description,
      },
    });
  }

  /** The machine continues: what was wrong is taken to be mended. */
  forget(): void {
    this.#ioStatus = 'ok';
  }
}

function operationOf({ type }: GuestRequest): 'read' | 'write' {
  return type === 'in' ? 'read' : 'write';
}
