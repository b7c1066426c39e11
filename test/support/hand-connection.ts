/**
 * One end of a connection whose other end is the test: it says what comes, takes what is sent or
 * does not, and ends it.
 */

import type { Connection, Receiver, TlsOptions } from '../../src/env/sockets.ts';

export class HandConnection implements Connection {
  readonly peer = 'the test';
  peerIdentity: string | undefined;
  /** Whether what is written leaves at once, or waits for {@link HandConnection.takeAll}. */
  takes = true;
  isPaused = false;
  /** How it was ended by this side. */
  outcome: 'no' | 'ended' | 'destroyed' = 'no';
  /** What TLS was begun with; it fails with `tlsFailure`, if there is one. */
  tls: TlsOptions | undefined;
  tlsFailure: Error | undefined;
  pendingBytes = 0;
  /** How often something was written. */
  writes = 0;
  #receiver: Receiver | undefined;
  #sent: Uint8Array[] = [];
  #waiting: { readonly bytes: Uint8Array; readonly sent: (() => void) | undefined }[] = [];
  #isOver = false;

  receive(receiver: Receiver): void {
    this.#receiver = receiver;
    if (this.#isOver) queueMicrotask(() => receiver.closed());
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  write(bytes: Uint8Array, sent?: () => void): void {
    if (this.#isOver || this.outcome !== 'no') {
      if (sent) queueMicrotask(sent);
      return;
    }
    this.writes += 1;
    this.pendingBytes += bytes.length;
    this.#waiting.push({ bytes, sent });
    if (this.takes) queueMicrotask(() => this.takeAll());
  }

  flush(): void {}

  end(): void {
    if (this.outcome === 'no') this.outcome = 'ended';
    this.takeAll();
    this.close();
  }

  destroy(): void {
    this.outcome = 'destroyed';
    this.close();
  }

  async startTls(options: TlsOptions): Promise<Connection> {
    this.tls = options;
    this.#receiver = undefined;
    await Promise.resolve();
    if (this.tlsFailure) throw this.tlsFailure;
    return this;
  }

  /** The other side sends bytes, which are put where the receiver wants them. @returns How many. */
  sayPlaced(bytes: Uint8Array): number {
    const place = this.#receiver?.place?.();
    if (!place) return 0;
    const placed = place.subarray(0, bytes.length);
    placed.set(bytes.subarray(0, placed.length));
    this.#receiver?.data(placed);
    return placed.length;
  }

  /** The other side sends bytes. */
  say(bytes: Uint8Array): void {
    if (this.isPaused) throw new Error('Cannot say more: the connection is paused');
    // Of a real one the memory is used again.
    const lent = bytes.slice();
    this.#receiver?.data(lent);
    lent.fill(0xdb);
  }

  /** The other side ends its half. */
  sayEnd(): void {
    const receiver = this.#receiver;
    if (receiver?.ended) receiver.ended();
    else this.end();
  }

  /** The connection is over, in a later step as always. */
  close(error?: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    queueMicrotask(() => {
      for (const { sent } of this.#waiting.splice(0)) sent?.();
      this.#receiver?.closed(error);
    });
  }

  /** The system takes what was written. */
  takeAll(): void {
    if (this.#isOver || this.#waiting.length === 0) return;
    const waiting = this.#waiting.splice(0);
    this.#sent.push(...waiting.map(({ bytes }) => bytes.slice()));
    this.pendingBytes = 0;
    for (const { sent } of waiting) sent?.();
    this.#receiver?.drained();
  }

  /** @returns What was sent since the last call. */
  hear(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.#sent.splice(0)));
  }
}
