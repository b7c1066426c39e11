import { describe, expect, it } from 'vitest';
import { guessFormat } from '../../src/drivers/formats.ts';

const bytesOf = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

describe('guessFormat()', () => {
  it.each([
    ['qcow2', 'QFI\xfb\0\0\0\x03'],
    ['qcow2', 'QFI\xfb\0\0\0\x02'],
    ['qcow', 'QFI\xfb\0\0\0\x01'],
    ['luks', 'LUKS\xba\xbe\0\x01'],
    ['vdi', `${'\0'.repeat(64)}\x7f\x10\xda\xbe`],
    ['raw', 'QFI\xfb\0\0\0\x09'],
    ['raw', ''],
    ['raw', ' QED\0'],
  ])('takes for %s what begins like it', (format, text) => {
    expect(guessFormat(bytesOf(text))).toBe(format);
  });
});
