/**
 * What a guest writes: blocks that say who wrote them, where, and which write it was.
 *
 * Each sector of 512 bytes begins with a stamp; the rest is filling that follows from the same
 * figures, so any byte can be checked and half of one write cannot pass for half of another. All
 * figures are little-endian.
 *
 *     byte  0  magic "MDgw"
 *           4  guest, 32 bits made of its seed
 *           8  sector on the disk, low and high 32 bits
 *          16  sequence: the how-manieth write to this block it is, from 1
 *          20  sectors in the block
 *          24  where the filling begins in the pool
 *          28  checksum of the above
 *          32  filling, up to 512
 *
 * The filling is a piece of a pool of random bytes, for copying is all that is cheap enough: a
 * block of 4 KiB takes about a third of a microsecond.
 */

import { assert } from '../base/assert.ts';
import { seededRandom } from '../base/random.ts';
import { SECTOR_SIZE } from '../device/request.ts';

const MAGIC = 0x7767444d;

/** Filling begins at one of so many places in the pool; a power of two. */
const POOL_PLACES = 262_144;
/** The filling of a longer block continues at another place. */
const PIECE_LENGTH = 65_536;
const PIECE_STRIDE = 77_773;

/** Bytes and a view of the same bytes. */
export interface BlockBuffer {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

export function blockBuffer(length: number): BlockBuffer {
  const bytes = new Uint8Array(length);
  return { bytes, view: new DataView(bytes.buffer) };
}

/** What the stamp of a sector says, or what is wrong with it. */
export type SectorStamp =
  | { readonly kind: 'none' }
  | { readonly kind: 'corrupt' }
  | {
      readonly kind: 'stamp';
      /** It is of the same guest as the content that reads it. */
      readonly own: boolean;
      readonly sector: number;
      readonly sequence: number;
    };

/** The content of one guest's blocks. */
export class GuestContent {
  readonly blockSize: number;
  readonly #guest: number;
  readonly #pool: Uint8Array;

  /** @param blockSize Bytes, a multiple of 512. */
  constructor({ seed, blockSize }: { readonly seed: number; readonly blockSize: number }) {
    const random = seededRandom(seed);
    this.blockSize = blockSize;
    this.#guest = random.uint32();
    this.#pool = new Uint8Array(POOL_PLACES + PIECE_LENGTH);
    random.fill(this.#pool);
  }

  /**
   * Makes the content of a block.
   *
   * @param offset Where on the disk the block is, in bytes; a multiple of 512.
   * @param sequence Which write to this block it is, from 1 to 2^32 - 1.
   */
  write({ bytes, view }: BlockBuffer, offset: number, sequence: number): void {
    assert(sequence > 0 && sequence < 2 ** 32, 'a sequence number has 32 bits and is not 0');
    const first = offset / SECTOR_SIZE;
    const count = this.blockSize / SECTOR_SIZE;
    const start = mix(mix(mix(this.#guest, first), Math.floor(first / 2 ** 32)), sequence);
    this.#fill(bytes, start);
    for (let index = 0; index < count; index += 1) {
      const at = index * SECTOR_SIZE;
      const sector = first + index;
      const [low, high] = [sector >>> 0, Math.floor(sector / 2 ** 32)];
      view.setUint32(at, MAGIC, true);
      view.setUint32(at + 4, this.#guest, true);
      view.setUint32(at + 8, low, true);
      view.setUint32(at + 12, high, true);
      view.setUint32(at + 16, sequence, true);
      view.setUint32(at + 20, count, true);
      view.setUint32(at + 24, start, true);
      view.setUint32(at + 28, checksum(this.#guest, low, high, sequence, count, start), true);
    }
  }

  /** Reads the stamp of the sector that begins at `at`. */
  readStamp(view: DataView, at: number): SectorStamp {
    const field = (index: number) => view.getUint32(at + 4 * index, true);
    if (field(0) !== MAGIC) return { kind: 'none' };
    const [guest, low, high, sequence] = [field(1), field(2), field(3), field(4)];
    if (field(7) !== checksum(guest, low, high, sequence, field(5), field(6))) {
      return { kind: 'corrupt' };
    }
    return { kind: 'stamp', own: guest === this.#guest, sector: high * 2 ** 32 + low, sequence };
  }

  #fill(bytes: Uint8Array, start: number): void {
    const { length } = bytes;
    let place = start & (POOL_PLACES - 1);
    for (let at = 0; at < length; at += PIECE_LENGTH) {
      const piece = Math.min(length - at, PIECE_LENGTH);
      bytes.set(this.#pool.subarray(place, place + piece), at);
      place = (place + PIECE_STRIDE) & (POOL_PLACES - 1);
    }
  }
}

function checksum(
  guest: number,
  low: number,
  high: number,
  sequence: number,
  count: number,
  start: number,
): number {
  let hash = mix(MAGIC ^ guest, low);
  hash = mix(hash, high);
  hash = mix(hash, sequence);
  return mix(mix(hash, count), start);
}

/** One step of MurmurHash3, with its finalizer. @returns 32 bits, unsigned. */
function mix(hash: number, value: number): number {
  let mixed = Math.imul(hash ^ Math.imul(value, 0xcc9e2d51), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
