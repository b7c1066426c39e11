import { describe, expect, it } from 'vitest';
import {
  decodeInfo,
  decodeMetaContext,
  decodeServer,
  encodeInfo,
  encodeMetaContext,
  encodeOptionReply,
  encodeServer,
  OptionReplyReader,
} from '../../../src/wire/nbd/option-replies.ts';
import {
  expectAtEveryCut,
  expectRefused,
  expectRefusedAtEveryCut,
  inARow,
  type Open,
} from '../../support/every-cut.ts';
import { hex, toHex } from '../../support/hex.ts';

const openReader: Open<unknown> = () => {
  const reader = new OptionReplyReader();
  return (inflow) => reader.next(inflow);
};

describe('a reply to an option', () => {
  it('has the option, a type and no data', () => {
    const bytes = hex('0003e889045565a9 00000008 00000001 00000000');
    expect(toHex(encodeOptionReply(8, 1))).toBe(toHex(bytes));
    const expected = { option: 8, type: 1, data: new Uint8Array(0) };
    expectAtEveryCut(bytes, openReader, expected);
  });

  it('has the option, a type and data', () => {
    const bytes = hex('0003e889045565a9 00000007 80000006 00000002 "no"');
    const data = hex('"no"');
    expect(toHex(encodeOptionReply(7, 0x8000_0006, data))).toBe(toHex(bytes));
    expectAtEveryCut(bytes, openReader, { option: 7, type: 0x8000_0006, data });
  });

  it('comes after another one', () => {
    const one = '0003e889045565a9 00000003 00000002 00000004 00000000';
    const bytes = hex(`${one} 0003e889045565a9 00000003 00000001 00000000`);
    const expected = [
      { option: 3, type: 2, data: hex('00000000') },
      { option: 3, type: 1, data: hex('') },
    ];
    expectAtEveryCut(bytes, inARow(openReader, 2), expected);
  });

  it.each([
    ['0003e889045565a8 00000008 00000001 00000000', 'its magic'],
    ['"IHAVEOPT" 00000008 00000001 00000000', 'the magic of an option'],
    ['0003e889045565a9 00000008 00000001 00010001', 'too much data, before it comes'],
    ['0003e889045565a9 00000008 00000001 ffffffff', 'far too much data'],
  ])('is refused for %s (%s)', (text) => {
    expectRefusedAtEveryCut(hex(text), openReader);
  });
});

describe('an export in a list', () => {
  it.each([
    ['00000004 "disk" "the test disk"', { name: 'disk', description: 'the test disk' }],
    ['00000004 "disk"', { name: 'disk', description: '' }],
    ['00000000', { name: '', description: '' }],
  ])('has a name and perhaps a description: %s', (text, server) => {
    expect(decodeServer(hex(text))).toEqual(server);
    expect(toHex(encodeServer(server))).toBe(toHex(hex(text)));
  });

  it('may have a description that is no text', () => {
    expect(decodeServer(hex('00000001 61 ff'))).toEqual({ name: 'a', description: '\ufffd' });
  });

  it.each(['', '000000', '00000005 "disk"', 'ffffffff', '00000001 ff', '00000001 00'])(
    'is refused: %s',
    (text) => {
      expectRefused(() => decodeServer(hex(text)));
    },
  );
});

describe('a context that was listed or chosen', () => {
  it('has a number and a name', () => {
    const bytes = hex('00000001 "base:allocation"');
    const context = { id: 1, name: 'base:allocation' };
    expect(decodeMetaContext(bytes)).toEqual(context);
    expect(toHex(encodeMetaContext(context))).toBe(toHex(bytes));
  });

  it.each(['', '000001', '00000001 ff', '00000001 6100'])('is refused: %s', (text) => {
    expectRefused(() => decodeMetaContext(hex(text)));
  });
});

describe('what INFO and GO tell', () => {
  it.each([
    // As qemu-nbd 7.2 sends them.
    ['0000 0000000000010000 0ced', { kind: 'export', size: 65_536, flags: 0xced }],
    ['0002 "the test disk"', { kind: 'description', text: 'the test disk' }],
    [
      '0003 00000001 00001000 02000000',
      { kind: 'block-size', minimum: 1, preferred: 4096, maximum: 33_554_432 },
    ],
    ['0001 "disk"', { kind: 'name', text: 'disk' }],
    ['0001', { kind: 'name', text: '' }],
  ] as const)('is read and written: %s', (text, info) => {
    expect(decodeInfo(hex(text))).toEqual(info);
    expect(toHex(encodeInfo(info))).toBe(toHex(hex(text)));
  });

  it.each(['0004', '0004 00', 'ffff 00112233'])('may be something unknown: %s', (text) => {
    expect(decodeInfo(hex(text))).toEqual({ kind: 'other' });
  });

  it.each([
    '',
    '00',
    '0000',
    '0000 0000000000010000 0c',
    '0000 0000000000010000 0ced 00',
    '0003 00000001 00001000 020000',
    '0003 00000001 00001000 02000000 00',
    '0001 ff',
    '0001 00',
  ])('is refused: %s', (text) => {
    expectRefused(() => decodeInfo(hex(text)));
  });
});
