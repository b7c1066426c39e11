/** What the clients of an export have asked for, for a line of status. */

import { COMMAND } from '../../wire/nbd/constants.ts';

/** Requests of one kind. */
export interface CommandStatistics {
  /** Those that were answered, errors included. */
  requests: number;
  /** Bytes that were asked for by those that succeeded. */
  bytes: number;
  errors: number;
}

/** The names of requests, in the order of their numbers. */
const NAMES = {
  read: COMMAND.READ,
  write: COMMAND.WRITE,
  flush: COMMAND.FLUSH,
  trim: COMMAND.TRIM,
  cache: COMMAND.CACHE,
  writeZeroes: COMMAND.WRITE_ZEROES,
  blockStatus: COMMAND.BLOCK_STATUS,
} as const;

type CommandName = keyof typeof NAMES;

/** All that is counted of an export. */
export interface NbdExportStatistics
  extends Readonly<Record<CommandName, Readonly<CommandStatistics>>> {
  /** Clients that are connected now. */
  readonly connections: number;
  /** Clients that ever were. */
  readonly connectionsTotal: number;
  /** Requests that are none, whose numbers nobody knows. */
  readonly unknown: number;
}

/** Counts. */
export class NbdAccounts {
  readonly #commands: CommandStatistics[] = [];
  #unknown = 0;
  #connections = 0;
  #connectionsTotal = 0;

  constructor() {
    for (const number of Object.values(NAMES)) {
      this.#commands[number] = { requests: 0, bytes: 0, errors: 0 };
    }
  }

  connect(): void {
    this.#connections += 1;
    this.#connectionsTotal += 1;
  }

  disconnect(): void {
    this.#connections -= 1;
  }

  countDone(command: number, length: number): void {
    const account = this.#commands[command];
    if (!account) return;
    account.requests += 1;
    account.bytes += length;
  }

  countFailed(command: number): void {
    const account = this.#commands[command];
    if (account) {
      account.requests += 1;
      account.errors += 1;
    } else {
      this.#unknown += 1;
    }
  }

  statistics(): NbdExportStatistics {
    const commands = Object.entries(NAMES).map(([name, number]) => [
      name,
      { ...this.#commands[number] },
    ]);
    return {
      // One for each of the names.
      ...(Object.fromEntries(commands) as Record<CommandName, CommandStatistics>),
      connections: this.#connections,
      connectionsTotal: this.#connectionsTotal,
      unknown: this.#unknown,
    };
  }
}
