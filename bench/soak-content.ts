/**
 * What a disk of the soak holds at first, by a seed: chunks of random bytes and chunks of nothing.
 *
 * So what nobody writes can be told from what somebody should not have written, without a copy.
 */

import { seededRandom } from '../src/base/random.ts';
import type { BlockNode } from '../src/block/node.ts';
import type { Area } from './soak-plan.ts';

const CHUNK = 32 * 1024;
const POOL = 1024 * 1024;
const PIECE = 1024 * 1024;

export class DiskContent {
  readonly #pool = new Uint8Array(POOL);
  readonly #places: readonly number[];

  /** @param size Bytes of the disk. */
  constructor(seed: number, size: number) {
    const random = seededRandom(seed);
    random.fill(this.#pool);
    const chunks = Math.ceil(size / CHUNK);
    // A chunk in three is a hole; the others begin somewhere in the pool.
    this.#places = Array.from({ length: chunks }, () =>
      random.below(3) === 0 ? -1 : random.below(POOL - CHUNK),
    );
  }

  /** Makes the bytes at an offset. */
  fill(offset: number, into: Uint8Array): void {
    for (let at = 0; at < into.length; ) {
      const inside = (offset + at) % CHUNK;
      const place = this.#places[Math.floor((offset + at) / CHUNK)] ?? -1;
      const length = Math.min(CHUNK - inside, into.length - at);
      const part = into.subarray(at, at + length);
      if (place < 0) part.fill(0);
      else part.set(this.#pool.subarray(place + inside, place + inside + length));
      at += length;
    }
  }

  /** Gives the parts of a disk of that size in pieces, holes left out. */
  *pieces(size: number): Generator<{ readonly offset: number; readonly bytes: Uint8Array }> {
    for (const [index, place] of this.#places.entries()) {
      const offset = index * CHUNK;
      if (place < 0) continue;
      const bytes = new Uint8Array(Math.min(CHUNK, size - offset));
      this.fill(offset, bytes);
      yield { offset, bytes };
    }
  }
}

/** What lies between some areas of a disk. */
export function between(size: number, areas: readonly Area[]): readonly Area[] {
  const sorted = [...areas].sort((a, b) => a.offset - b.offset);
  const quiet: Area[] = [];
  let at = 0;
  for (const { offset, length } of [...sorted, { offset: size, length: 0 }]) {
    if (offset > at) quiet.push({ offset: at, length: offset - at });
    at = Math.max(at, offset + length);
  }
  return quiet;
}

/** Compares parts of a disk with what it held at first. @returns What is wrong, if anything. */
export async function verifyContent(
  node: BlockNode,
  content: DiskContent,
  parts: readonly Area[],
): Promise<string | undefined> {
  for (const part of parts) {
    for (let at = part.offset; at < part.offset + part.length; at += PIECE) {
      const found = new Uint8Array(Math.min(PIECE, part.offset + part.length - at));
      const expected = new Uint8Array(found.length);
      await node.read(at, found);
      content.fill(at, expected);
      if (Buffer.compare(found, expected) === 0) continue;
      const first = found.findIndex((byte, index) => byte !== expected[index]);
      return `the byte at ${at + first} has changed, which nobody wrote`;
    }
  }
  return undefined;
}
