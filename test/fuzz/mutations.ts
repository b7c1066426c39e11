/** What may happen to bytes on their way from somebody who means ill or has lost his mind. */

import type { Random } from '../../src/base/random.ts';
import { setUint64, viewOf } from '../../src/wire/nbd/words.ts';
import { concat } from '../support/hex.ts';

/** Numbers at which something ends or begins. */
const EDGES = [
  ...[0, 1, 2, 3, 4, 7, 8, 127, 128, 255, 256, 511, 512, 513, 4095, 4096, 4097],
  ...[32_767, 32_768, 65_535, 65_536, 65_537, 2 ** 20, 2 ** 25, 2 ** 25 + 1, 2 ** 31 - 1, 2 ** 31],
  ...[2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 53 - 2, 2 ** 53 - 1, 2 ** 53, 2 ** 63, 2 ** 64],
];

/** What is shorter is cut more finely. */
const SHORT = 400;
/** The length up to which pieces are drawn. */
const PIECE_MAX = 64;

export function pick<Item>(random: Random, items: readonly Item[]): Item {
  // There is one, unless the list is empty.
  return items[random.below(items.length)] as Item;
}

/** @returns A number at an edge, or any below 2^32. */
export function drawNumber(random: Random): number {
  return random.below(2) === 0 ? pick(random, EDGES) : random.uint32() >>> random.below(32);
}

export function drawBytes(random: Random, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  random.fill(bytes);
  return bytes;
}

type Mutation = (bytes: Uint8Array, random: Random) => Uint8Array;

/** A part of the bytes: where it begins and ends. */
function drawRange(bytes: Uint8Array, random: Random): readonly [start: number, end: number] {
  const start = random.below(bytes.length + 1);
  return [start, Math.min(bytes.length, start + random.below(PIECE_MAX))];
}

const flipBit: Mutation = (bytes, random) => {
  const at = random.below(bytes.length);
  return bytes.with(at, (bytes[at] ?? 0) ^ (1 << random.below(8)));
};

/** Puts a number of 1, 2, 4 or 8 bytes somewhere: lengths lie, and magics are none. */
const putNumber: Mutation = (bytes, random) => {
  const size = 2 ** random.below(4);
  if (bytes.length < size) return bytes;
  const at = random.below(bytes.length - size + 1);
  const number = new Uint8Array(8);
  setUint64(viewOf(number), 0, drawNumber(random));
  const changed = bytes.slice();
  changed.set(number.subarray(8 - size), at);
  return changed;
};

const remove: Mutation = (bytes, random) => {
  const [start, end] = drawRange(bytes, random);
  return concat(bytes.subarray(0, start), bytes.subarray(end));
};

const insert: Mutation = (bytes, random) => {
  const [start] = drawRange(bytes, random);
  const inserted = drawBytes(random, random.below(PIECE_MAX));
  return concat(bytes.subarray(0, start), inserted, bytes.subarray(start));
};

const repeat: Mutation = (bytes, random) => {
  const [start, end] = drawRange(bytes, random);
  return concat(bytes.subarray(0, end), bytes.subarray(start));
};

const move: Mutation = (bytes, random) => {
  const [start, end] = drawRange(bytes, random);
  return concat(bytes.subarray(end), bytes.subarray(start, end), bytes.subarray(0, start));
};

const cutOff: Mutation = (bytes, random) => bytes.slice(0, random.below(bytes.length));

const MUTATIONS = [flipBit, putNumber, putNumber, remove, insert, repeat, move, cutOff];

/** Does one to four random things to the bytes. */
export function mutate(bytes: Uint8Array, random: Random): Uint8Array {
  let mutated = bytes;
  for (let left = 1 + random.below(4); left > 0 && mutated.length > 0; left -= 1) {
    mutated = pick(random, MUTATIONS)(mutated, random);
  }
  return mutated;
}

/** Cuts bytes into pieces: all at once, one by one where there are few, or as it comes. */
export function fragment(bytes: Uint8Array, random: Random): readonly Uint8Array[] {
  const isShort = bytes.length < SHORT;
  const lengthMax = pick(random, isShort ? [SHORT, 1, 2, 20] : [bytes.length, 40, 200, 2000]);
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = lengthMax >= bytes.length ? bytes.length : 1 + random.below(lengthMax);
    pieces.push(bytes.slice(at, at + length));
    at += length;
  }
  return pieces;
}
