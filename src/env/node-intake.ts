/**
 * How what comes over a socket gets into memory: always into the same, or where it belongs.
 *
 * By itself Node takes 64 KiB of new memory for each piece that comes, and to bring that in page by
 * page, and to collect it again, takes longer than the piece does to come. Given a buffer, it reads
 * into that. What is read is used before anything else can be read, so one buffer is enough for all
 * connections. Who expects a long piece may say where the rest of it belongs, and spares a copy.
 */

import { type OnReadOpts, Socket } from 'node:net';

/**
 * Many short requests come with one call of the system; of a long one not too much comes here, and
 * the rest where it belongs.
 */
const LENGTH = 64 * 1024;
const MEMORY = new Uint8Array(LENGTH);

/** Takes what comes. */
export interface Taker {
  /** Needs the bytes no longer when it returns. */
  take(bytes: Uint8Array): void;
  /** Where the next bytes belong, if that is known; asked for after each piece. */
  place?(): Uint8Array | undefined;
}

export class Intake {
  /** What Node is told when the socket is made. */
  readonly options: OnReadOpts;
  taker: Taker | undefined;
  #early: Uint8Array | undefined;
  /** What Node reads into. */
  #place: Uint8Array = MEMORY;

  constructor() {
    const callback = (length: number) => this.#came(this.#place.subarray(0, length));
    // Node asks once before it reads, and then after each piece; nothing new lets all be as it is.
    const buffer = () => this.#nextPlace();
    this.options = { buffer, callback };
  }

  /** Gives what came when there was no taker; nothing has come since, and nothing is kept. */
  takeEarly(): Uint8Array | undefined {
    const early = this.#early;
    this.#early = undefined;
    return early;
  }

  /** @returns Whether more may come. */
  #came(bytes: Uint8Array): boolean {
    if (this.taker) this.taker.take(bytes);
    else this.#early = bytes.slice();
    return this.#early === undefined;
  }

  #nextPlace(): Uint8Array {
    this.#place = this.taker?.place?.() ?? MEMORY;
    return this.#place;
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
