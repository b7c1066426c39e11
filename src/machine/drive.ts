/**
 * What stands between a device and a disk: QEMU's block backend, which `-drive` makes.
 *
 *     device            the guest's side; or none
 *       |
 *     drive             its accounts, its throttle limits, what is done about errors
 *       |  edge
 *     node              the medium; or none, in an empty drive
 *
 * A drive stays what it is when its medium is exchanged: by its user, or by a mirror that switches.
 */

import { drained } from '../block/drain.ts';
import { BlockEdge } from '../block/edge.ts';
import type { ErrorPolicy, IoStatus } from '../block/error-policy.ts';
import type { BlockNode } from '../block/node.ts';
import type { EdgeParent } from '../block/parent.ts';
import { demandCompatible, type NodeUse, PERMISSIONS } from '../block/permissions.ts';
import { type AccountRules, DeviceAccounts } from '../device/accounting.ts';
import type { Tray } from '../device/tray.ts';
import type { Clock } from '../env/env.ts';
import { DriveHistograms } from './drive-histograms.ts';
import type { DriveThrottle } from './drive-throttle.ts';

export interface DriveOptions {
  /** What users call it; or nothing. */
  readonly name: string;
  /** It was made for a device on a node, and does nothing without it. @default false */
  readonly isForDevice?: boolean;
  /** @default 'auto' */
  readonly rerror?: ErrorPolicy | undefined;
  /** @default 'auto' */
  readonly werror?: ErrorPolicy | undefined;
  /** Nobody writes to it, whatever its medium is. @default false */
  readonly readOnly?: boolean | undefined;
  /** Completed writes may stay in a volatile cache until a flush. @default true */
  readonly writeCache?: boolean | undefined;
  /** Write zeroes where data is zero; for media that it opens itself. @default 'off' */
  readonly detectZeroes?: 'off' | 'on' | 'unmap' | undefined;
  /** What is made of requests that are not done. @default They count. */
  readonly accountRules?: Partial<AccountRules> | undefined;
  /** Seconds over which latencies are told besides. @default None. */
  readonly statsIntervals?: readonly number[] | undefined;
}

/** A device as its drive knows it. */
export interface DriveDevice {
  /** Its place in QEMU's tree of objects. */
  readonly path: string;
  /** What queries call it: its id, or its place. */
  readonly qdev: string;
  /** Of a device with a removable medium. */
  readonly tray: Tray | undefined;
  /** Completed writes may stay in a volatile cache; the guest may have changed that. */
  readonly writeback: boolean | undefined;
  /** What went wrong since it was last mended; `undefined` when no error can stop the machine. */
  readonly ioStatus: IoStatus | undefined;
}

/** What a drive does with its medium while it has no device. */
function restOf({ isForDevice = false }: DriveOptions): NodeUse {
  return { needs: isForDevice ? [] : ['consistent-read'], shares: PERMISSIONS };
}

export class Drive {
  readonly options: DriveOptions;
  readonly accounts: DeviceAccounts;
  readonly histograms: DriveHistograms;
  /** Media that are put in by their file names are not to be written to. */
  isReadOnly: boolean;
  /** While its requests are limited. */
  throttle: DriveThrottle | undefined;
  readonly #parent: EdgeParent;
  #use: NodeUse;
  #edge: BlockEdge | undefined;
  #device: DriveDevice | undefined;

  constructor(options: DriveOptions, clock: Clock) {
    this.options = options;
    this.isReadOnly = options.readOnly ?? false;
    this.#use = restOf(options);
    this.accounts = new DeviceAccounts(clock.nowMs());
    this.setAccountRules(options.accountRules);
    this.histograms = new DriveHistograms(this.accounts, clock, options.statsIntervals ?? []);
    this.#parent = new DriveParent(this, () => this.#use);
  }

  get name(): string {
    return this.options.name;
  }

  /** The way to the medium, for requests. */
  get edge(): BlockEdge | undefined {
    return this.#edge;
  }

  get medium(): BlockNode | undefined {
    return this.#edge?.node;
  }

  get device(): DriveDevice | undefined {
    return this.#device;
  }

  /** Its medium can be exchanged: nobody would be surprised by that, or its device has a tray. */
  get isRemovable(): boolean {
    return this.#device === undefined || this.#device.tray !== undefined;
  }

  /** @throws {BlockError} `EBUSY` when others on the node exclude it; it stays empty then. */
  insert(node: BlockNode): void {
    this.#edge = new BlockEdge(node, this.#parent);
    this.#edge.limit = this.throttle?.member;
  }

  /** Takes the medium out, once nothing of the drive is in flight. */
  async eject(): Promise<void> {
    const edge = this.#edge;
    if (!edge) return;
    // A device that has left has closed its drive's edge.
    if (!edge.isClosed) await drained(edge.node, () => edge.close());
    if (this.#edge === edge) this.#edge = undefined;
  }

  /**
   * Puts a device on the drive.
   *
   * @throws {BlockError} `EBUSY` when others on the medium exclude it; nothing has changed then.
   */
  attach(device: DriveDevice, use: NodeUse): void {
    this.#use = use;
    this.#device = device;
    try {
      if (this.medium) demandCompatible(this.medium);
    } catch (error) {
      this.detach();
      throw error;
    }
  }

  /** Changes what is made from now on of requests that are not done. */
  setAccountRules(rules: Partial<AccountRules> = {}): void {
    this.accounts.rules = { ...this.accounts.rules, ...rules };
  }

  /** Carries out `act` while nothing waits for the throttle limits. */
  async unlimited(act: () => Promise<void>): Promise<void> {
    const member = this.throttle?.member;
    member?.beginDrain();
    try {
      await act();
    } finally {
      member?.endDrain();
    }
  }

  detach(): void {
    this.#use = restOf(this.options);
    this.#device = undefined;
  }

  /** Limits its requests from now on, or no longer. */
  limit(throttle: DriveThrottle | undefined): void {
    this.throttle?.leave();
    this.throttle = throttle;
    if (this.#edge) this.#edge.limit = throttle?.member;
  }
}

/** The drive as its medium sees it. */
class DriveParent implements EdgeParent {
  readonly kind = 'device';
  readonly #drive: Drive;
  readonly #use: () => NodeUse;

  constructor(drive: Drive, use: () => NodeUse) {
    this.#drive = drive;
    this.#use = use;
  }

  get name(): string {
    return this.#drive.name || (this.#drive.device?.path ?? '');
  }

  get needs(): NodeUse['needs'] {
    return this.#use().needs;
  }

  get shares(): NodeUse['shares'] {
    return this.#use().shares;
  }
}
