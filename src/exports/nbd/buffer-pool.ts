/**
 * Memory that is used again: what is new has to be brought in by the system page by page, which
 * for a read of 256 KiB takes longer than the read.
 *
 * Buffers come in powers of two, so that one fits many requests. What lies idle is bounded; what
 * is given back beyond that is left to the garbage collector.
 */

/** Bytes that lie idle at most. */
const IDLE_MAX = 32 * 1024 * 1024;

/** The shortest buffer. */
const LENGTH_MIN = 4096;

export class BufferPool {
  readonly #idle = new Map<number, Uint8Array[]>();
  #idleBytes = 0;

  /** Bytes that lie idle. */
  get idleBytes(): number {
    return this.#idleBytes;
  }

  /** @returns A buffer of `length` bytes or more, with anything in it. */
  take(length: number): Uint8Array {
    const whole = length <= LENGTH_MIN ? LENGTH_MIN : 1 << (32 - Math.clz32(length - 1));
    const found = this.#idle.get(whole)?.pop();
    if (!found) return new Uint8Array(whole);
    this.#idleBytes -= whole;
    return found;
  }

  /** Takes back a buffer that {@link BufferPool.take} gave, and that nobody uses any more. */
  give(buffer: Uint8Array): void {
    const { length } = buffer;
    if (this.#idleBytes + length > IDLE_MAX) return;
    this.#idleBytes += length;
    const idle = this.#idle.get(length);
    if (idle) idle.push(buffer);
    else this.#idle.set(length, [buffer]);
  }
}
