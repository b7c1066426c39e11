import { describe, expect, it } from 'vitest';
import {
  decodeMessage,
  decodeText,
  encodeMessage,
  encodeText,
} from '../../../src/wire/nbd/texts.ts';
import { expectRefused } from '../../support/every-cut.ts';
import { hex, toHex } from '../../support/hex.ts';

const TEXTS = [
  ['', ''],
  ['6469736b', 'disk'],
  ['2f612062', '/a b'],
  ['c3a4e282acf09f92be', 'ä€💾'],
  ['efbbbf61', '\ufeffa'],
] as const;

describe('names and queries', () => {
  it.each(TEXTS)('are UTF-8 both ways: %s', (bytes, text) => {
    expect(decodeText(hex(bytes))).toBe(text);
    expect(toHex(encodeText(text))).toBe(bytes);
  });

  it('may have 4096 bytes and no more', () => {
    const longest = 'ä'.repeat(2048);
    expect(decodeText(encodeText(longest))).toBe(longest);
    expectRefused(() => decodeText(new Uint8Array(4097).fill(0x61)));
    expect(() => encodeText(`${longest}a`)).toThrow('must not exceed 4096 bytes: 4097');
  });

  it.each(['00', '6100', '610062'])('have no NUL: %s', (bytes) => {
    expectRefused(() => decodeText(hex(bytes)));
    expect(() => encodeText(String.fromCharCode(...hex(bytes)))).toThrow('must not contain NUL');
  });

  it.each([
    ['ff', 'no octet of UTF-8'],
    ['c3', 'cut off'],
    ['c0af', 'longer than need be'],
    ['eda080', 'half of a pair of UTF-16'],
    ['f4908080', 'beyond Unicode'],
  ])('are refused when they are no UTF-8: %s, %s', (bytes) => {
    expectRefused(() => decodeText(hex(bytes)));
  });

  it('that cannot be sent are the fault of whoever gave them', () => {
    expect(() => encodeText('a\0')).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    expect(() => encodeText('a'.repeat(4097))).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  });
});

describe('messages', () => {
  it.each(TEXTS.slice(0, 4))('are UTF-8 both ways: %s', (bytes, text) => {
    expect(decodeMessage(hex(bytes))).toBe(text);
    expect(toHex(encodeMessage(text))).toBe(bytes);
  });

  it('are read as well as can be', () => {
    expect(decodeMessage(hex('61 ff 62 00 63'))).toBe('a\ufffdb c');
    expect(decodeMessage(new Uint8Array(10_000).fill(0x61))).toBe('a'.repeat(4096));
  });

  it('are sent as far as there is room, in whole characters and without NUL', () => {
    expect(toHex(encodeMessage('a\0b'))).toBe('612062');
    expect(encodeMessage('a'.repeat(5000))).toHaveLength(4096);
    const bytes = encodeMessage(`${'a'.repeat(4095)}ä`);
    expect(bytes).toHaveLength(4095);
  });
});
