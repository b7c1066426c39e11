/**
 * One request to a server, from the moment it is asked for until it completes.
 *
 *     waiting  ->  in flight  ->  completed, once
 *        ^             |
 *        +-------------+   the connection was lost, and the request may be repeated
 *
 * Nothing of an attempt is kept when it is repeated: it is read, or written, as a whole.
 */

import { assert } from '../../base/assert.ts';
import { BlockError } from '../../base/errors.ts';
import { COMMAND, NBD_ERROR } from '../../wire/nbd/constants.ts';
import { errorCodeOf } from '../../wire/nbd/errors.ts';
import type { ErrorChunk, StatusExtent } from '../../wire/nbd/replies.ts';
import { Coverage } from './coverage.ts';

/** What is asked for. */
export interface Asked {
  /** One of {@link COMMAND}. */
  readonly command: number;
  /** Of {@link COMMAND_FLAG}. */
  readonly flags: number;
  readonly offset: number;
  /** Bytes; 0 for a flush. */
  readonly length: number;
  /** Of a read: what it fills. Nobody else may look at it before the request completes. */
  readonly into?: Uint8Array;
  /** Of a write: what it writes. Nobody may change it before the request completes. */
  readonly from?: Uint8Array;
}

/** The chunks that one reply may consist of: those of the longest read, 512 bytes each. */
const CHUNKS_MAX = 65_536;

/** What is called before there is something to be called. */
const NOTHING = () => {};

export class ClientRequest {
  readonly asked: Asked;
  /** Settles when the request completes. */
  readonly completed: Promise<void>;
  #resolve: () => void = NOTHING;
  #reject: (error: BlockError) => void = NOTHING;
  /** How many bytes of a read have come in order; once others have, the coverage counts. */
  #covered = 0;
  #coverage: Coverage | undefined;
  #chunks = 0;
  #extent: StatusExtent | undefined;
  #failure: ErrorChunk | undefined;

  constructor(asked: Asked) {
    this.asked = asked;
    this.completed = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** What a query for the status has found, once it has completed. */
  get extent(): StatusExtent {
    assert(this.#extent !== undefined, 'a query that has completed has found an extent');
    return this.#extent;
  }

  /** Its bytes that are in flight with it: those of its data. */
  get dataLength(): number {
    const { into, from } = this.asked;
    return (into ?? from)?.length ?? 0;
  }

  /** Forgets what has come of an earlier attempt. */
  restart(): void {
    this.#covered = 0;
    this.#coverage = undefined;
    this.#chunks = 0;
    this.#extent = undefined;
    this.#failure = undefined;
  }

  countChunk(): void {
    this.#chunks += 1;
    if (this.#chunks > CHUNKS_MAX) throw this.violation('its reply does not end');
  }

  /**
   * Notes that a piece of what is read comes.
   *
   * @returns Where it goes in the buffer.
   * @throws {BlockError} `EPROTO` when it was not asked for or has come already.
   */
  cover(offset: number, length: number): number {
    const { into } = this.asked;
    if (!into) throw this.violation('it sent data that nobody asked for');
    const start = offset - this.asked.offset;
    if (!(length > 0 && start >= 0 && start + length <= into.length)) {
      throw this.violation(`it sent ${length} bytes for ${offset}, which nobody asked for`);
    }
    if (start === this.#covered && !this.#coverage) {
      this.#covered += length;
      return start;
    }
    this.#coverage ??= new Coverage(into.length, this.#covered);
    const mistake = this.#coverage.add(start, start + length);
    if (mistake !== undefined) throw this.violation(mistake);
    return start;
  }

  /** Notes what the server says of the blocks; of several extents the first counts. */
  describe([first]: readonly StatusExtent[]): void {
    if (this.asked.command !== COMMAND.BLOCK_STATUS) {
      throw this.violation('it told of blocks that nobody asked for');
    }
    if (this.#extent) throw this.violation('it told twice of the same blocks');
    this.#extent = first;
  }

  /** Notes an error; of several the first counts. */
  failWith(chunk: ErrorChunk): void {
    this.#failure ??= chunk;
  }

  /**
   * Completes, as all that the server has to say has come.
   *
   * @throws {BlockError} `EPROTO` when something is missing.
   */
  finish(): void {
    const failure = this.#failure;
    if (failure) {
      this.fail(this.#errorOf(failure));
      return;
    }
    const { command, length } = this.asked;
    const isWhole = this.#coverage ? this.#coverage.isWhole : this.#covered === length;
    if (command === COMMAND.READ && !isWhole) throw this.violation('it did not send all bytes');
    if (command === COMMAND.BLOCK_STATUS && !this.#extent) {
      throw this.violation('it told of no block');
    }
    this.#resolve();
  }

  /** The server has said that it is shutting down. */
  get isTurnedAway(): boolean {
    return this.#failure?.error === NBD_ERROR.ESHUTDOWN;
  }

  /** Completes with an error. */
  fail(error: BlockError): void {
    this.#reject(error);
  }

  /** @returns The error of a request that ends for a reason of the connection's. */
  errorFor(code: BlockError['code'], reason: string, cause?: unknown): BlockError {
    return new BlockError(code, this.#action, reason, { cause });
  }

  /** @returns The error of a server that does not keep to the protocol. */
  violation(reason: string): BlockError {
    return new BlockError('EPROTO', this.#action, `the server broke the protocol: ${reason}`);
  }

  get #action(): string {
    const { command, offset, length } = this.asked;
    if (command === COMMAND.FLUSH) return 'flush over NBD';
    return `${WORDS[command] ?? 'use'} ${length} bytes at ${offset} over NBD`;
  }

  #errorOf({ error, text, offset }: ErrorChunk): BlockError {
    const code = errorCodeOf(error);
    const place = offset === undefined ? '' : ` at ${offset}`;
    return this.errorFor(code, `the server reports ${code}${place}${text && `: ${text}`}`);
  }
}

const WORDS: Readonly<Record<number, string>> = {
  [COMMAND.READ]: 'read',
  [COMMAND.WRITE]: 'write',
  [COMMAND.TRIM]: 'discard',
  [COMMAND.WRITE_ZEROES]: 'zero',
  [COMMAND.BLOCK_STATUS]: 'query',
};
