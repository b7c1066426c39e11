/**
 * A place in a dirty bitmap that moves on and starts over at the end.
 *
 * Who always takes the first dirty range copies a granule that the guest keeps writing over and
 * over, and never comes to the rest. A cursor goes on where it stood, so between two visits of a
 * granule it has passed every other one that was dirty.
 */

import type { ByteRange } from '../base/ranges.ts';
import type { DirtyBitmap } from './dirty-bitmap.ts';

export class DirtyCursor {
  readonly #bitmap: DirtyBitmap;
  #offset = 0;

  constructor(bitmap: DirtyBitmap) {
    this.#bitmap = bitmap;
  }

  /** Where the next search starts, in bytes: the end of the range that was found last. */
  get offset(): number {
    return this.#offset;
  }

  /**
   * Finds the next dirty range from where the cursor stands, once around if need be, and moves to
   * its end. The bitmap stays as it is: whoever does not clear the range meets it again.
   *
   * @param lengthMax As in {@link DirtyBitmap.nextDirty}.
   * @returns `undefined` when the whole bitmap is clean; the cursor stays.
   */
  next(lengthMax?: number): ByteRange | undefined {
    const range =
      this.#bitmap.nextDirty(this.#offset, lengthMax) ?? this.#bitmap.nextDirty(0, lengthMax);
    if (range !== undefined) this.#offset = range.offset + range.length;
    return range;
  }
}
