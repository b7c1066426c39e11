import { describe, expect, it } from 'vitest';
import { decodeLeniently, sequenceAt, TextBuilder } from '../../../src/wire/qmp/modified-utf8.ts';

describe('a sequence', () => {
  it.each([
    ['a', 0x61],
    ['\xc0\x80', 0],
    ['\xc2\x80', 0x80],
    ['\xe2\x82\xac', 0x20ac],
    ['\xf0\x9f\x98\x80', 0x1f600],
    ['\xf4\x8f\xbf\xbd', 0x10fffd],
  ])('is as long as its first byte says: %j', (bytes, codePoint) => {
    expect(sequenceAt(`.${bytes}\xbf`, 1)).toEqual({ codePoint, end: 1 + bytes.length });
  });

  it.each([
    ['\x80', 1],
    ['\xfe\x80', 1],
    ['\xc3(', 1],
    ['\xe2\x82(', 2],
    ['\xe2\x82', 2],
    ['\xc1\xbf', 2],
    ['\xc0\x81', 2],
    ['\xe0\x80\x80', 3],
    ['\xed\xbf\xbf', 3],
    ['\xef\xbf\xbe', 3],
    ['\xef\xb7\x90', 3],
    ['\xf4\x90\x80\x80', 4],
    ['\xfb\xbf\xbf\xbf\xbf', 5],
    ['\xfd\xbf\xbf\xbf\xbf\xbf', 6],
  ])('is invalid up to the first byte that does not continue it: %j', (bytes, end) => {
    expect(sequenceAt(bytes, 0)).toEqual({ codePoint: undefined, end });
  });
});

describe('decodeLeniently()', () => {
  it('puts one replacement for each sequence that is none, and stops at a zero', () => {
    expect(decodeLeniently('a\xe2\x82(\xff\xff\xed\xa0\x80\xc3\xa9\0b')).toBe(
      'a\ufffd(\ufffd\ufffd\ufffdé',
    );
  });
});

describe('TextBuilder', () => {
  it('appends characters of one unit and of two', () => {
    const text = new TextBuilder(8);
    for (const codePoint of [0xfeff, 0x61, 0xffff, 0x1_0000, 0x10_ffff]) text.append(codePoint);
    expect(text.toString()).toBe('\ufeffa\uffff\u{10000}\u{10ffff}');
  });
});
