import { describe, expect, it } from 'vitest';
import { OPTION } from '../../../src/wire/nbd/constants.ts';
import {
  decodeInfoRequest,
  decodeMetaContextRequest,
  encodeInfoRequest,
  encodeMetaContextRequest,
  encodeOption,
  nextOption,
} from '../../../src/wire/nbd/options.ts';
import {
  expectAtEveryCut,
  expectRefused,
  expectRefusedAtEveryCut,
} from '../../support/every-cut.ts';
import { hex, toHex } from '../../support/hex.ts';

describe('an option', () => {
  it('has a number and the length of its data', () => {
    const header = hex('"IHAVEOPT" 00000001 00000004');
    expectAtEveryCut(header, () => nextOption, { option: OPTION.EXPORT_NAME, length: 4 });
    const whole = encodeOption(OPTION.EXPORT_NAME, hex('"disk"'));
    expect(toHex(whole)).toBe(`${toHex(header)}6469736b`);
  });

  it('may be without data', () => {
    const bytes = hex('"IHAVEOPT" 0000000b 00000000');
    expectAtEveryCut(bytes, () => nextOption, { option: OPTION.EXTENDED_HEADERS, length: 0 });
    expect(toHex(encodeOption(OPTION.EXTENDED_HEADERS))).toBe(toHex(bytes));
  });

  it('may be one that nobody knows, with any length', () => {
    const bytes = hex('"IHAVEOPT" ffffffff fffffffe');
    const expected = { option: 0xffff_ffff, length: 0xffff_fffe };
    expectAtEveryCut(bytes, () => nextOption, expected);
  });

  it.each(['"IHAVEOPS"', '"JHAVEOPT"', '0003e889045565a9'])('is refused with magic %s', (magic) => {
    expectRefusedAtEveryCut(hex(`${magic} 00000003 00000000`), () => nextOption);
  });
});

describe('the data of INFO and GO', () => {
  it.each([
    // As qemu-img 7.2 and nbdinfo 1.14 send it.
    ['00000004 "disk" 0001 0003', { name: 'disk', wanted: [3] }],
    ['00000004 "disk" 0003 0001 0002 0003', { name: 'disk', wanted: [1, 2, 3] }],
    ['00000000 0000', { name: '', wanted: [] }],
    ['00000002 c3a4 0001 ffff', { name: 'ä', wanted: [0xffff] }],
  ])('is a name and a list: %s', (text, request) => {
    expect(decodeInfoRequest(hex(text))).toEqual(request);
    expect(toHex(encodeInfoRequest(request))).toBe(toHex(hex(text)));
  });

  it.each([
    ['', 'nothing'],
    ['00000004 "dis"', 'a name cut off'],
    ['00000004 "disk" 00', 'a count cut off'],
    ['00000004 "disk" 0002 0003', 'a list cut off'],
    ['00000004 "disk" 0001 00', 'an entry cut off'],
    ['00000004 "disk" 0001 0003 00', 'more than there is'],
    ['ffffffff "disk" 0001 0003', 'a name that is too long'],
    ['00000000 ffff', 'a long list without entries'],
    ['00000001 00 0000', 'a name with NUL'],
    ['00000001 ff 0000', 'a name that is no UTF-8'],
    [`00001001 ${'61'.repeat(4097)} 0000`, 'a name beyond the limit'],
  ])('is refused: %.30s (%s)', (text) => {
    expectRefused(() => decodeInfoRequest(hex(text)));
  });
});

describe('the data of LIST_META_CONTEXT and SET_META_CONTEXT', () => {
  it.each([
    // As qemu-img 7.2 and nbdinfo 1.14 send it.
    [
      '00000004 "disk" 00000001 0000000f "base:allocation"',
      { name: 'disk', queries: ['base:allocation'] },
    ],
    ['00000004 "disk" 00000000', { name: 'disk', queries: [] }],
    ['00000000 00000002 00000000 00000002 "a:"', { name: '', queries: ['', 'a:'] }],
  ])('is a name and queries: %s', (text, request) => {
    expect(decodeMetaContextRequest(hex(text))).toEqual(request);
    expect(toHex(encodeMetaContextRequest(request))).toBe(toHex(hex(text)));
  });

  it.each([
    ['', 'nothing'],
    ['00000000', 'no count'],
    ['00000000 00000001', 'no query'],
    ['00000000 00000001 00000002 61', 'a query cut off'],
    ['00000000 00000001 00000001 "ab"', 'more than there is'],
    ['00000000 ffffffff 00000000', 'more queries than there could be'],
    ['00000000 00000001 00000001 00', 'a query with NUL'],
  ])('is refused: %s (%s)', (text) => {
    expectRefused(() => decodeMetaContextRequest(hex(text)));
  });
});
