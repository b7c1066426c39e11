/**
 * How what comes over a socket gets into memory: always into the same.
 *
 * By itself Node takes 64 KiB of new memory for each piece that comes, and to bring that in page by
 * page, and to collect it again, takes longer than the piece does to come. Given a buffer, it reads
 * into that. What is read is used before anything else can be read, so one buffer is enough for all
 * connections.
 */

import { type OnReadOpts, Socket } from 'node:net';

/** As much as a Unix socket holds by default, so that one call takes all that waits. */
const LENGTH = 256 * 1024;
const MEMORY = new Uint8Array(LENGTH);

export class Intake {
  /** What Node is told when the socket is made. */
  readonly options: OnReadOpts;
  /** Takes what comes, and needs it no longer when it returns. */
  taker: ((bytes: Uint8Array) => void) | undefined;
  #early: Uint8Array | undefined;

  constructor() {
    const callback = (length: number) => this.#came(MEMORY.subarray(0, length));
    this.options = { buffer: MEMORY, callback };
  }

  /** Gives what came when there was no taker; nothing has come since, and nothing is kept. */
  takeEarly(): Uint8Array | undefined {
    const early = this.#early;
    this.#early = undefined;
    return early;
  }

  /** @returns Whether more may come. */
  #came(bytes: Uint8Array): boolean {
    if (this.taker) this.taker(bytes);
    else this.#early = bytes.slice();
    return this.#early === undefined;
  }
}

/**
 * Makes a socket that a server has accepted, and not read from, one with an intake.
 *
 * There is no documented way: a server makes its sockets without. So another socket takes over the
 * handle, as those of Node's own TLS and child processes do. Where there is no such handle all
 * stays as it is, and Node takes new memory.
 */
export function withIntake(accepted: Socket): { socket: Socket; intake: Intake | undefined } {
  const handle: unknown = Reflect.get(accepted, '_handle');
  if (typeof handle !== 'object' || handle === null) {
    return { socket: accepted, intake: undefined };
  }
  const intake = new Intake();
  const options = { handle, allowHalfOpen: true, onread: intake.options };
  return { socket: new Socket(options), intake };
}
