/** What a command of qemu-io is, and what it works on. */

import type { BlockEdge } from '../../../block/edge.ts';
import type { Permission } from '../../../block/parent.ts';
import type { DeviceAccounts } from '../../../device/accounting.ts';
import type { Machine } from '../../../machine/machine.ts';

/** A disk on which commands are carried out. */
export interface IoDisk {
  /** The way to it; a drive may be empty. */
  readonly edge: BlockEdge | undefined;
  /** Where requests are counted that a guest could have made, if somebody counts them. */
  readonly accounts?: DeviceAccounts;
  /**
   * Sees to it that the disk may be used so. Drives do not: what their devices may do, they may.
   *
   * @throws {BlockError} `EBUSY` when others on the disk object.
   */
  demand?(needs: readonly Permission[]): void;
}

/** Where texts go. They end with their lines. */
export interface IoOutput {
  /** What a command tells: the program's standard output, as in QEMU, whoever has asked. */
  readonly print: (text: string) => void;
  /** What is wrong with the form of a command: the program's standard error. */
  readonly complain: (text: string) => void;
}

/** What a command is given. */
export interface IoContext extends IoOutput {
  readonly disk: IoDisk;
  readonly machine: Machine;
  /** Tells who has given the command what is wrong. */
  readonly report: (text: string) => void;
  /** Lets a request go on when the command is over. @param request Never fails. */
  detach(request: Promise<void>): void;
  /** Resolves when all has ended that was detached. */
  whenIdle(): Promise<void>;
}

export interface IoCommand {
  readonly name: string;
  /** A short name beside it. */
  readonly alias?: string;
  /** Its arguments, as its usage has them. */
  readonly usage?: string;
  readonly summary: string;
  /** How many arguments there must be, options among them. @default 0 */
  readonly countMin?: number;
  /** How many there may be. @default As many as there must be; `Infinity` for any number */
  readonly countMax?: number;
  /** What it does with the disk, beyond reading. @default Nothing */
  readonly needs?: readonly Permission[];
  /** @throws {IoStop} What to tell when it cannot go on. */
  run(words: readonly string[], context: IoContext): Promise<void> | void;
}

/** Ends a command, which has nothing to tell but this. */
export class IoStop extends Error {
  override readonly name = 'IoStop';
}

/** The line that tells how a command is used, under a name of it. */
export function usageOf({ name, usage, summary }: IoCommand, as: string = name): string {
  return [as, ...(usage === undefined ? [] : [usage]), '--', summary].join(' ');
}
