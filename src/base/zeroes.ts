/** Runs of zero bytes: where they are, and a supply of them. */

/** A mebibyte of zeroes, to write from and to compare with; nobody writes to it. */
export const ZEROES: Uint8Array = new Uint8Array(1024 * 1024);

/** Whether every byte is zero. */
export function isZero(bytes: Uint8Array): boolean {
  // Most data shows in its first or last byte, which saves the call.
  if (bytes.length === 0) return true;
  if (bytes[0] !== 0 || bytes[bytes.length - 1] !== 0) return false;
  for (let at = 0; at < bytes.length; at += ZEROES.length) {
    const part = bytes.subarray(at, at + ZEROES.length);
    if (Buffer.compare(part, ZEROES.subarray(0, part.length)) !== 0) return false;
  }
  return true;
}
