import { describe, expect, it } from 'vitest';
import { NBD_ERROR, REPLY_FLAG, REPLY_TYPE } from '../../../src/wire/nbd/constants.ts';
import {
  chunkLength,
  dataHeaderLength,
  decodeBlockStatus,
  decodeError,
  decodeOffset,
  decodeOffsetHole,
  encodeBlockStatus,
  encodeError,
  encodeNone,
  encodeOffsetData,
  encodeOffsetHole,
  encodeSimpleReply,
  isErrorType,
  type NbdReply,
  putNone,
  putOffsetData,
  putSimpleReply,
  ReplyReader,
  type ReplyStyle,
  SIMPLE_REPLY_LENGTH,
} from '../../../src/wire/nbd/replies.ts';
import { viewOf } from '../../../src/wire/nbd/words.ts';
import {
  expectAtEveryCut,
  expectRefused,
  expectRefusedAtEveryCut,
  inARow,
  type Open,
} from '../../support/every-cut.ts';
import { concat, hex, toHex } from '../../support/hex.ts';

const simple = { extended: false, structured: false };
const structured = { extended: false, structured: true };
const extended = { extended: true, structured: true };

const openReader =
  (style: ReplyStyle): Open<NbdReply> =>
  () => {
    const reader = new ReplyReader(style);
    return (inflow) => reader.next(inflow);
  };

const cookie = { cookieHigh: 0x5607, cookieLow: 0xf058_efc0 };
const to = { ...cookie, offset: 0x400 };
const { DONE } = REPLY_FLAG;

describe('a simple reply', () => {
  it.each([0, NBD_ERROR.EIO, 0xffff_ffff])('has an error or none: %i', (error) => {
    const bytes = hex(`67446698 ${error.toString(16).padStart(8, '0')} 00005607f058efc0`);
    expect(toHex(encodeSimpleReply(cookie, error))).toBe(toHex(bytes));
    expectAtEveryCut(bytes, openReader(simple), { kind: 'simple', error, ...cookie });
    expectAtEveryCut(bytes, openReader(structured), { kind: 'simple', error, ...cookie });
  });
});

describe('replies', () => {
  it('of both kinds follow each other', () => {
    const bytes = hex(`67446698 00000000 00005607f058efc0
                       668e33ef 0001 0000 00005607f058efc0 00000000
                       67446698 00000005 00005607f058efc0`);
    const expected: readonly NbdReply[] = [
      { kind: 'simple', error: 0, ...cookie },
      { kind: 'chunk', flags: DONE, type: 0, length: 0, ...cookie },
      { kind: 'simple', error: 5, ...cookie },
    ];
    expectAtEveryCut(bytes, inARow(openReader(structured), expected.length), expected);
  });
});

describe('the beginning of a chunk', () => {
  it('is 20 bytes when structured replies were agreed on', () => {
    const bytes = hex('668e33ef 0001 0001 00005607f058efc0 00000208');
    const expected = { kind: 'chunk', flags: DONE, type: 1, length: 520, ...cookie } as const;
    expectAtEveryCut(bytes, openReader(structured), expected);
  });

  it('is 32 bytes with extended headers', () => {
    const bytes = hex('6e8a278c 0001 0001 00005607f058efc0 0000000000000400 0000000100000208');
    const length = 2 ** 32 + 520;
    const expected = { kind: 'chunk', flags: DONE, type: 1, length, ...cookie } as const;
    expectAtEveryCut(bytes, openReader(extended), expected);
  });

  it.each([
    ['67446699', simple],
    ['67446699', structured],
    ['668e33ef', simple],
    ['6e8a278c', structured],
    ['668e33ef', extended],
    ['67446698', extended],
    ['96744668', simple],
  ])('is refused with magic %s where there is %j, at once', (magic, style) => {
    expectRefusedAtEveryCut(hex(magic), openReader(style));
  });
});

describe('a chunk as it is written', () => {
  it('says nothing', () => {
    expect(toHex(encodeNone(to, DONE, structured))).toBe(
      toHex(hex('668e33ef 0001 0000 00005607f058efc0 00000000')),
    );
    expect(toHex(encodeNone(to, DONE, extended))).toBe(
      toHex(hex('6e8a278c 0001 0000 00005607f058efc0 0000000000000400 0000000000000000')),
    );
  });

  it.each([structured, extended])('is the same wherever it is put: %j', (style) => {
    const range = { offset: 0x600, length: 0x200 };
    const [none, data] = [encodeNone(to, 0, style), encodeOffsetData(to, DONE, style, range)];
    const bytes = new Uint8Array(1 + none.length + data.length + SIMPLE_REPLY_LENGTH);
    putNone(viewOf(bytes), 1, to, 0, style);
    putOffsetData(viewOf(bytes), 1 + none.length, to, DONE, style, range);
    putSimpleReply(viewOf(bytes), 1 + none.length + data.length, cookie, 5);
    const expected = concat(hex('00'), none, data, encodeSimpleReply(cookie, 5));
    expect(toHex(bytes)).toBe(toHex(expected));
    expect([chunkLength(style), dataHeaderLength(style)]).toEqual([none.length, data.length]);
  });

  it('announces data', () => {
    const data = { offset: 0x600, length: 0x200 };
    expect(toHex(encodeOffsetData(to, 0, structured, data))).toBe(
      toHex(hex('668e33ef 0000 0001 00005607f058efc0 00000208 0000000000000600')),
    );
    expect(toHex(encodeOffsetData(to, DONE, extended, data))).toBe(
      toHex(
        hex(`6e8a278c 0001 0001 00005607f058efc0 0000000000000400 0000000000000208
                 0000000000000600`),
      ),
    );
  });

  it('tells of a hole', () => {
    const hole = { offset: 0x600, length: 0x200 };
    expect(toHex(encodeOffsetHole(to, DONE, structured, hole))).toBe(
      toHex(hex('668e33ef 0001 0002 00005607f058efc0 0000000c 0000000000000600 00000200')),
    );
    expect(toHex(encodeOffsetHole(to, 0, extended, hole))).toBe(
      toHex(
        hex(`6e8a278c 0000 0002 00005607f058efc0 0000000000000400 000000000000000c
                 0000000000000600 00000200`),
      ),
    );
  });

  it('tells of blocks', () => {
    const extents = [
      { length: 0x2000, flags: 0 },
      { length: 0xe000, flags: 3 },
    ];
    const status = { context: 7, extents };
    expect(toHex(encodeBlockStatus(to, DONE, structured, status))).toBe(
      toHex(
        hex(`668e33ef 0001 0005 00005607f058efc0 00000014
                 00000007 00002000 00000000 0000e000 00000003`),
      ),
    );
    expect(toHex(encodeBlockStatus(to, DONE, extended, status))).toBe(
      toHex(
        hex(`6e8a278c 0001 0006 00005607f058efc0 0000000000000400 0000000000000028
                 00000007 00000002
                 0000000000002000 0000000000000000 000000000000e000 0000000000000003`),
      ),
    );
  });

  it('tells of an error, and where', () => {
    const error = { error: NBD_ERROR.ENOSPC, text: 'full' };
    expect(toHex(encodeError(to, DONE, structured, error))).toBe(
      toHex(hex('668e33ef 0001 8001 00005607f058efc0 0000000a 0000001c 0004 "full"')),
    );
    expect(toHex(encodeError(to, DONE, extended, { ...error, text: '', offset: 0x700 }))).toBe(
      toHex(
        hex(`6e8a278c 0001 8002 00005607f058efc0 0000000000000400 000000000000000e
                 0000001c 0000 0000000000000700`),
      ),
    );
  });

  it('has no longer text than a client takes', () => {
    const bytes = encodeError(to, DONE, structured, { error: 5, text: 'x'.repeat(100_000) });
    expect(toHex(bytes.subarray(16, 26))).toBe('00001006000000051000');
    expect(bytes).toHaveLength(26 + 4096);
  });
});

describe('the payload of a chunk', () => {
  it('of data begins with an offset', () => {
    expect(decodeOffset(hex('0000000000000600 ff'))).toBe(0x600);
    expectRefused(() => decodeOffset(hex('00000000000006')));
  });

  it('of a hole is an offset and a length', () => {
    const hole = decodeOffsetHole(hex('0000000100000600 00000200'));
    expect(hole).toEqual({ offset: 0x1_0000_0600, length: 0x200 });
    expectRefused(() => decodeOffsetHole(hex('0000000100000600 000002')));
    expectRefused(() => decodeOffsetHole(hex('0000000100000600 00000200 00')));
  });

  it.each([
    // As nbdkit 1.32 sends it.
    ['00000005 0000', REPLY_TYPE.ERROR, { error: 5, text: '' }],
    ['0000001c 0004 "full"', REPLY_TYPE.ERROR, { error: 28, text: 'full' }],
    ['0000001c 0001 ff', REPLY_TYPE.ERROR, { error: 28, text: '\ufffd' }],
    ['00000005 0000 ffff', REPLY_TYPE.ERROR, { error: 5, text: '' }],
    [
      '00000005 0002 "no" 0000000000000700',
      REPLY_TYPE.ERROR_OFFSET,
      { error: 5, text: 'no', offset: 0x700 },
    ],
    ['00000005 0002 "no" 0011', 0xfabc, { error: 5, text: 'no' }],
  ])('of an error is its number and a text: %s of type %i', (text, type, error) => {
    expect(decodeError(type, hex(text))).toEqual(error);
  });

  it.each([
    ['', REPLY_TYPE.ERROR],
    ['00000005 00', REPLY_TYPE.ERROR],
    ['00000005 0003 "no"', REPLY_TYPE.ERROR],
    ['00000000 0000', REPLY_TYPE.ERROR],
    ['00000005 0000', REPLY_TYPE.ERROR_OFFSET],
    ['00000005 0002 "no" 00000000000007', REPLY_TYPE.ERROR_OFFSET],
    ['00000005 ffff', 0xfabc],
  ])('of an error is refused: %s of type %i', (text, type) => {
    expectRefused(() => decodeError(type, hex(text)));
  });

  it('of a status is a context and extents', () => {
    const extents = [
      { length: 0x2000, flags: 0 },
      { length: 0xffff_ffff, flags: 3 },
    ];
    const narrow = hex('00000007 00002000 00000000 ffffffff 00000003');
    expect(decodeBlockStatus(REPLY_TYPE.BLOCK_STATUS, narrow)).toEqual({ context: 7, extents });
    const lists = '0000000000002000 0000000000000000 00000000ffffffff 0000000000000003';
    for (const count of ['00000002', '00000000']) {
      const wide = hex(`00000007 ${count} ${lists}`);
      const found = decodeBlockStatus(REPLY_TYPE.BLOCK_STATUS_EXT, wide);
      expect(found).toEqual({ context: 7, extents });
    }
  });

  it.each([
    ['', REPLY_TYPE.BLOCK_STATUS],
    ['00000007', REPLY_TYPE.BLOCK_STATUS],
    ['00000007 00002000', REPLY_TYPE.BLOCK_STATUS],
    ['00000007 00002000 00000000 00', REPLY_TYPE.BLOCK_STATUS],
    ['00000007 00000000 00000000', REPLY_TYPE.BLOCK_STATUS],
    ['00000007 00002000 00000000 00000000 00000000', REPLY_TYPE.BLOCK_STATUS],
    ['00000007 00000001', REPLY_TYPE.BLOCK_STATUS_EXT],
    ['00000007 00000002 0000000000002000 0000000000000000', REPLY_TYPE.BLOCK_STATUS_EXT],
    ['00000007 00000001 0000000000002000 00000000000000', REPLY_TYPE.BLOCK_STATUS_EXT],
    ['00000007 00000001 0000000000000000 0000000000000000', REPLY_TYPE.BLOCK_STATUS_EXT],
  ])('of a status is refused: %s of type %i', (text, type) => {
    expectRefused(() => decodeBlockStatus(type, hex(text)));
  });

  it('is of an error where the type has the bit for it', () => {
    expect([0x8001, 0x8002, 0x8000, 0xffff].every(isErrorType)).toBe(true);
    expect([0, 1, 2, 5, 6, 0x7fff].some(isErrorType)).toBe(false);
  });
});
