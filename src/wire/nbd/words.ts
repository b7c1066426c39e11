/**
 * Whole numbers of 64 bits among bytes, as numbers.
 *
 * No disk here has 2^53 bytes or more. What is larger comes out as the nearest number there is,
 * which is as far beyond any disk as what was meant.
 */

const WORD = 2 ** 32;

export function getUint64(view: DataView, at: number): number {
  return view.getUint32(at) * WORD + view.getUint32(at + 4);
}

export function setUint64(view: DataView, at: number, value: number): void {
  // The nearest number to what is just below 2^64 is 2^64.
  const fits = value < WORD * WORD;
  view.setUint32(at, fits ? Math.floor(value / WORD) : WORD - 1);
  view.setUint32(at + 4, fits ? value % WORD : WORD - 1);
}

/** A magic number of 64 bits. */
export interface Magic {
  readonly high: number;
  readonly low: number;
}

export function hasMagic(view: DataView, at: number, { high, low }: Magic): boolean {
  return view.getUint32(at) === high && view.getUint32(at + 4) === low;
}

export function setMagic(view: DataView, at: number, { high, low }: Magic): void {
  view.setUint32(at, high);
  view.setUint32(at + 4, low);
}

/** The bytes as numbers of various sizes. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
