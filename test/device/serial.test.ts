import { describe, expect, it } from 'vitest';
import { encodeSerial } from '../../src/device/serial.ts';

const text = (serial: string) => Buffer.from(encodeSerial(serial)).toString('latin1');

describe('encodeSerial()', () => {
  it('pads with NUL to 20 bytes, and ends 20 characters with none', () => {
    expect(text('AB-1')).toBe(`AB-1${'\0'.repeat(16)}`);
    expect(text('')).toBe('\0'.repeat(20));
    expect(text('0123456789abcdefghij')).toBe('0123456789abcdefghij');
  });

  it('refuses more than 20 characters, and others than those of ASCII', () => {
    for (const serial of ['x'.repeat(21), 'é', 'a\nb', '\0']) {
      expect(() => encodeSerial(serial)).toThrow(RangeError);
    }
  });
});
