/**
 * The fingerprint of a bit tree as QEMU computes it of its bitmaps.
 *
 * It is SHA-256 over the last level of QEMU's `HBitmap`: all bits from the first to the last, bit 0
 * of a byte first, padded with clear bits to 64-bit words, of which there is at least one. The tree
 * holds long uniform stretches in one slot; here they are written out, a block at a time.
 */

import { createHash, type Hash } from 'node:crypto';
import type { BitTree } from './bit-tree.ts';
import { CLEAN, FULL } from './node-pool.ts';

const BLOCK_LENGTH = 64 * 1024;

/** @returns The digest in hex. */
export function checksum(bits: BitTree): string {
  const dense = new DenseHash();
  bits.walk((firstWord, wordCount, word) => {
    dense.fill(CLEAN, firstWord * 4 - dense.length);
    if (word === FULL) dense.fill(FULL, wordCount * 4);
    else dense.word(word);
  });
  dense.fill(CLEAN, Math.max(Math.ceil(bits.length / 64), 1) * 8 - dense.length);
  return dense.digest();
}

/** Gathers bytes in a block and hashes it when it is full. */
class DenseHash {
  readonly #hash: Hash = createHash('sha256');
  readonly #block = new DataView(new ArrayBuffer(BLOCK_LENGTH));
  readonly #bytes = new Uint8Array(this.#block.buffer);
  #gathered = 0;
  #hashed = 0;

  /** How many bytes came so far. */
  get length(): number {
    return this.#hashed + this.#gathered;
  }

  /** Takes one word. All lengths are multiples of four, so it always fits. */
  word(word: number): void {
    this.#block.setInt32(this.#gathered, word, true);
    this.#advance(4);
  }

  /** Takes `length` bytes with all bits clear or all bits set. */
  fill(word: typeof CLEAN | typeof FULL, length: number): void {
    for (let rest = length; rest > 0; ) {
      const step = Math.min(rest, BLOCK_LENGTH - this.#gathered);
      this.#bytes.fill(word & 0xff, this.#gathered, this.#gathered + step);
      this.#advance(step);
      rest -= step;
    }
  }

  digest(): string {
    return this.#hash.update(this.#bytes.subarray(0, this.#gathered)).digest('hex');
  }

  #advance(length: number): void {
    this.#gathered += length;
    if (this.#gathered < BLOCK_LENGTH) return;
    this.#hash.update(this.#bytes);
    this.#hashed += BLOCK_LENGTH;
    this.#gathered = 0;
  }
}
