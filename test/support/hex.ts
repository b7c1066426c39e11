/** Bytes as tests write them, and as streams bring them: in pieces. */

/** Reads `00ff 10…`: spaces and line ends mean nothing, and `"text"` stands for its ASCII. */
export function hex(text: string): Uint8Array {
  const digits = text.replace(/"([^"]*)"/g, (_, ascii: string) =>
    Buffer.from(ascii, 'latin1').toString('hex'),
  );
  return fromHex(digits.replace(/\s/g, ''));
}

function fromHex(digits: string): Uint8Array {
  if (!/^([0-9a-f]{2})*$/i.test(digits)) throw new Error(`Cannot read hexadecimal: ${digits}`);
  return new Uint8Array(Buffer.from(digits, 'hex'));
}

export function toHex(bytes: Uint8Array | readonly number[]): string {
  return Buffer.from(bytes).toString('hex');
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/**
 * All the ways to cut bytes in two, none of them included, and the one into single bytes. Every
 * piece has memory of its own.
 */
export function cutEverywhere(bytes: Uint8Array): readonly (readonly Uint8Array[])[] {
  const inTwo = Array.from({ length: bytes.length + 1 }, (_, at) => [
    bytes.slice(0, at),
    bytes.slice(at),
  ]);
  return [...inTwo, Array.from(bytes, (byte) => Uint8Array.of(byte))];
}
