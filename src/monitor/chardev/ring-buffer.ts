/**
 * A chardev that keeps the last of what is written to it, until somebody reads it over QMP.
 *
 *     #bytes    | c | d | - | - | - | - | a | b |      8 places, of which 4 are filled
 *                         ^               ^
 *                         #written        the oldest: #written - #length
 */

import { BlockError } from '../../base/errors.ts';
import type { Connection } from '../../env/sockets.ts';
import type { ChardevBackend } from './chardev.ts';
import { singleBackend } from './single.ts';

/** The size of one that was given none, in bytes, and the largest. */
const SIZE_DEFAULT = 64 * 1024;
const SIZE_MAX = 1024 * 1024 * 1024;

export class RingBuffer {
  readonly #bytes: Uint8Array;
  #written = 0;
  #length = 0;

  /** @param size A power of two, in bytes. @throws {BlockError} `EINVAL` for another size. */
  constructor(size = SIZE_DEFAULT) {
    const isPower = size > 0 && Number.isInteger(Math.log2(size));
    if (!isPower || size > SIZE_MAX) {
      const reason = 'size of ringbuf chardev must be power of two';
      throw new BlockError('EINVAL', 'make a ring buffer', reason);
    }
    this.#bytes = new Uint8Array(size);
  }

  /** Adds bytes; what does not fit any more is forgotten, the oldest first. */
  write(bytes: Uint8Array): void {
    const size = this.#bytes.length;
    for (const byte of bytes) {
      this.#bytes[this.#written % size] = byte;
      this.#written += 1;
    }
    this.#length = Math.min(this.#length + bytes.length, size);
  }

  /** Takes out as many bytes as there are, the oldest first. */
  read(lengthMax: number): Uint8Array {
    const size = this.#bytes.length;
    const oldest = this.#written - this.#length;
    const length = Math.min(lengthMax, this.#length);
    const taken = Uint8Array.from({ length }, (_, at) => this.#bytes[(oldest + at) % size] ?? 0);
    this.#length -= length;
    return taken;
  }
}

/** A chardev that is a ring buffer. */
export interface RingBufferBackend extends ChardevBackend {
  readonly buffer: RingBuffer;
}

/** @param size As {@link RingBuffer}'s. @throws {BlockError} Likewise. */
export function ringBufferBackend(
  type: 'ringbuf' | 'memory',
  size: number | undefined,
): RingBufferBackend {
  const buffer = new RingBuffer(size);
  return { ...singleBackend(type, connectionTo(buffer)), buffer };
}

/** Nothing ever comes of it, and it has no end. */
function connectionTo(buffer: RingBuffer): Connection {
  return {
    peer: 'ringbuf',
    pendingBytes: 0,
    receive() {},
    pause() {},
    resume() {},
    write(bytes, sent) {
      buffer.write(bytes);
      if (sent) queueMicrotask(sent);
    },
    flush() {},
    end() {},
    destroy() {},
    async startTls() {
      throw new BlockError('ENOTSUP', 'start TLS', 'it is no socket');
    },
  };
}
