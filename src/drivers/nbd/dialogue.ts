/**
 * The handshake's way of speaking: say something, then wait for the answer.
 *
 * A server can let a client wait as long as it likes, so the dialogue is ended from outside when it
 * takes too long. And it can send what it likes, but somebody waits at any time, and looks at what
 * has come before more comes: what is kept is less than one message, of which all have a bound.
 */

import { BlockError, type BlockErrorCode } from '../../base/errors.ts';
import type { Connection, Receiver, TlsOptions } from '../../env/sockets.ts';
import { Signal } from '../../sync/signal.ts';
import { Inflow } from '../../wire/inflow.ts';

export class Dialogue implements Receiver {
  #connection: Connection;
  readonly #inflow = new Inflow();
  readonly #changed = new Signal();
  #error: BlockError | undefined;

  /** @param connection Nobody else's until {@link Dialogue.finish}. */
  constructor(connection: Connection) {
    this.#connection = connection;
    connection.receive(this);
  }

  say(bytes: Uint8Array): void {
    this.#connection.write(bytes);
  }

  /**
   * Waits for a message.
   *
   * @param read Takes it from what has come; `undefined` when not all of it has.
   * @throws {BlockError} What `read` throws, or why nothing comes any more.
   */
  async hear<Message>(read: (inflow: Inflow) => Message | undefined): Promise<Message> {
    for (;;) {
      const message = read(this.#inflow);
      if (message !== undefined) return message;
      if (this.#error) throw this.#error;
      await this.#changed.wait();
    }
  }

  /** Goes on under TLS. @throws {BlockError} As {@link Connection.startTls}. */
  async startTls(options: TlsOptions): Promise<void> {
    this.#demandSilence();
    const secured = await this.#connection.startTls(options);
    if (this.#error) {
      secured.destroy();
      throw this.#error;
    }
    this.#connection = secured;
    secured.receive(this);
  }

  /** Ends the dialogue. @returns The connection, of which all that has come is taken. */
  finish(): Connection {
    this.#demandSilence();
    if (this.#error) throw this.#error;
    return this.#connection;
  }

  /** Ends the dialogue when it has come to nothing; what was said last is still sent. */
  leave(): void {
    // Else the connection is over already.
    if (!this.#error) this.#connection.end();
  }

  /** Breaks off; whoever waits for a message gets the error. */
  fail(error: BlockError): void {
    this.#error ??= error;
    this.#connection.destroy();
    this.#changed.notifyAll();
  }

  /** @returns The error of a handshake that fails. @param told As for {@link BlockError}. */
  refusal(code: BlockErrorCode, reason: string, told = reason): BlockError {
    const { peer } = this.#connection;
    return new BlockError(code, `agree with the NBD server at "${peer}"`, reason, { told });
  }

  /** @returns The error of a server that does not keep to the protocol. */
  violation(reason: string): BlockError {
    return this.refusal('EPROTO', `the server broke the protocol: ${reason}`);
  }

  data(bytes: Uint8Array): void {
    this.#inflow.push(bytes);
    this.#inflow.keep();
    this.#changed.notifyAll();
  }

  drained(): void {}

  closed(error?: Error): void {
    const reason = 'Server connection closed unexpectedly';
    this.fail(error instanceof BlockError ? error : this.refusal('ECONNRESET', reason));
  }

  /** What has come by now was not sent in answer to anything, nor under the TLS to come. */
  #demandSilence(): void {
    if (this.#inflow.length > 0) throw this.violation('it sent more than an answer');
  }
}
