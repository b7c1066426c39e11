/**
 * Whether the guest runs: QEMU's run state, as far as disks are concerned.
 *
 *                           +--cont-- paused <---stop---+
 *                           v                           |
 *     prelaunch --cont--> running ----------------------+
 *                           ^                           |
 *                           +--cont-- io-error <--error-+        and from everywhere to shutdown
 *
 * A reset leads from paused and io-error to prelaunch.
 *
 * A stopped machine has nothing of its guest in flight, and what the guest wrote is flushed. Jobs
 * are not the guest: they go on. Several devices may fail at once; the machine stops once.
 */

import { BlockError } from '../base/errors.ts';

/** QEMU's names. */
export type RunStatus = 'prelaunch' | 'running' | 'paused' | 'io-error' | 'shutdown';

/** Why a machine ends; QEMU's ShutdownCause. */
export type ShutdownReason =
  | 'host-error'
  | 'host-qmp-quit'
  | 'host-signal'
  | 'host-ui'
  | 'guest-shutdown'
  | 'guest-panic';

/** What the run state tells, named and shaped as QEMU's QMP events. */
export type RunStateEvent =
  /** The guest was stopped; what it has in flight may still end. */
  | { readonly event: 'STOP' }
  /** The guest is about to go on. */
  | { readonly event: 'RESUME' }
  /** The guest was asked to end by itself. */
  | { readonly event: 'POWERDOWN' }
  /** The machine starts anew. */
  | {
      readonly event: 'RESET';
      readonly data: { readonly guest: boolean; readonly reason: 'host-qmp-system-reset' };
    }
  /** The machine ends; by the guest's doing or not. */
  | {
      readonly event: 'SHUTDOWN';
      readonly data: { readonly guest: boolean; readonly reason: ShutdownReason };
    };

/** A device as the run state sees it. */
export interface GuestDevice {
  /** It starts nothing. */
  readonly stopped: boolean;
  /** Starts nothing from now on; resolves when nothing is in flight. Harmless when stopped. */
  stop(): Promise<void>;
  /** Goes on, with what failed first. Harmless when it runs. */
  cont(): void;
  /** Forgets what it was asked for and has not begun. */
  reset(): void;
}

export interface RunStateOptions {
  /** Looked at anew each time; one that comes later is to be {@link RunState.admit}ted. */
  readonly devices: Iterable<GuestDevice>;
  /** Makes durable what was written to any disk. */
  readonly flushAll: () => Promise<void>;
  readonly onEvent: (event: RunStateEvent) => void;
  /** The guest runs from the beginning; else from the first cont. @default true */
  readonly autostart?: boolean;
}

export class RunState {
  readonly #devices: Iterable<GuestDevice>;
  readonly #flushAll: () => Promise<void>;
  readonly #onEvent: (event: RunStateEvent) => void;
  #status: RunStatus;

  constructor({ devices, flushAll, onEvent, autostart = true }: RunStateOptions) {
    this.#devices = devices;
    this.#flushAll = flushAll;
    this.#onEvent = onEvent;
    this.#status = autostart ? 'running' : 'prelaunch';
    for (const device of devices) this.admit(device);
  }

  get status(): RunStatus {
    return this.#status;
  }

  get running(): boolean {
    return this.#status === 'running';
  }

  /** A device has been plugged in: it stands still if the machine does. */
  admit(device: GuestDevice): void {
    // Nothing of it is in flight yet, so there is nothing to wait for.
    if (!this.running) void device.stop();
  }

  /**
   * Stops the guest; when it is stopped already, only waits as well.
   *
   * @returns Resolves when nothing of the guest is in flight and all is flushed.
   * @throws {BlockError} What the flush failed with; the machine has stopped all the same.
   */
  async stop(): Promise<void> {
    await this.#quiesce(this.running ? this.#halt('paused') : this.#stopDevices());
  }

  /** Stops the guest because of an error of a disk, which its device has told of. */
  stopForError(): void {
    if (this.running) void this.#quiesceAlone(this.#halt('io-error'));
  }

  /**
   * Lets the guest go on; harmless when it does.
   *
   * @throws {BlockError} `EPERM` after a shutdown.
   */
  cont(): void {
    if (this.#status === 'shutdown') {
      const reason = 'Resetting the Virtual Machine is required';
      throw new BlockError('EPERM', 'continue the machine', reason);
    }
    if (this.running) {
      // A device has failed and told so, and this comes before the stop that follows. As in QEMU,
      // the stop is told of nevertheless, but does not come any more.
      if (![...this.#devices].some(({ stopped }) => stopped)) return;
      void this.#quiesceAlone(this.#halt('io-error'));
      if (this.running) return;
    }
    this.#status = 'running';
    this.#onEvent({ event: 'RESUME' });
    for (const device of [...this.#devices]) {
      // A device may fail again at once, and stop the machine before the next one has gone on.
      if (this.running) device.cont();
    }
  }

  /** Starts the machine anew; when it is stopped it waits for cont, as before it first ran. */
  reset(): void {
    for (const device of this.#devices) device.reset();
    if (this.#status === 'paused' || this.#status === 'io-error') this.#status = 'prelaunch';
    const reason = 'host-qmp-system-reset';
    this.#onEvent({ event: 'RESET', data: { guest: false, reason } });
  }

  /** Asks the guest to end by itself, as the button of a computer does. */
  powerDown(): void {
    this.#onEvent({ event: 'POWERDOWN' });
  }

  /**
   * Ends the guest for good; without a STOP, as in QEMU.
   *
   * @returns As {@link RunState.stop}. @throws {BlockError} Likewise.
   */
  async shutdown(reason: ShutdownReason): Promise<void> {
    const isFirst = this.#status !== 'shutdown';
    this.#status = 'shutdown';
    const drained = this.#stopDevices();
    const guest = reason.startsWith('guest-');
    if (isFirst) this.#onEvent({ event: 'SHUTDOWN', data: { guest, reason } });
    await this.#quiesce(drained);
  }

  /** @returns Resolves when nothing is in flight. */
  #halt(status: 'paused' | 'io-error'): Promise<void> {
    this.#status = status;
    // Waited for from here on: who is told of the stop may let the machine continue.
    const drained = this.#stopDevices();
    this.#onEvent({ event: 'STOP' });
    return drained;
  }

  async #stopDevices(): Promise<void> {
    await Promise.all(Array.from(this.#devices, (device) => device.stop()));
  }

  async #quiesce(drained: Promise<void>): Promise<void> {
    await drained;
    await this.#flushAll();
  }

  /** The same where nobody waits for it. */
  async #quiesceAlone(drained: Promise<void>): Promise<void> {
    try {
      await this.#quiesce(drained);
    } catch (error) {
      // Nobody asked for this flush, so no promise is broken; the guest's own will tell the guest.
      if (!(error instanceof BlockError)) throw error;
    }
  }
}
