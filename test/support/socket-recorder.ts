/** A receiver that remembers what comes of a connection, and can be waited for. */

import type { Connection, Receiver } from '../../src/env/sockets.ts';

export class SocketRecorder implements Receiver {
  /** Everything that has come, the pieces as they came. */
  readonly pieces: Uint8Array[] = [];
  /** What else has happened, in order; `closed EIO` when it was with an error. */
  readonly events: string[] = [];
  error: Error | undefined;
  #length = 0;
  readonly #waiters = new Set<() => void>();

  constructor(connection: Connection) {
    connection.receive(this);
  }

  get bytes(): Buffer {
    return Buffer.concat(this.pieces);
  }

  data(bytes: Uint8Array): void {
    this.pieces.push(bytes.slice());
    this.#length += bytes.length;
    this.#wake();
  }

  drained(): void {
    this.#add('drained');
  }

  ended(): void {
    this.#add('ended');
  }

  closed(error?: Error): void {
    this.error = error;
    const code = error && 'code' in error ? ` ${String(error.code)}` : '';
    this.#add(`closed${code}`);
  }

  /** Resolves when `length` bytes in all have come. */
  received(length: number): Promise<void> {
    return this.#until(() => this.#length >= length);
  }

  /** Resolves when an event has happened that begins so. */
  happened(event: string): Promise<void> {
    return this.#until(() => this.events.some((text) => text.startsWith(event)));
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => this.#waiters.add(resolve));
  }

  #add(event: string): void {
    this.events.push(event);
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiters) resolve();
    this.#waiters.clear();
  }
}
