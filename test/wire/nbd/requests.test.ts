import { describe, expect, it } from 'vitest';
import { COMMAND, COMMAND_FLAG } from '../../../src/wire/nbd/constants.ts';
import {
  encodeRequest,
  type NbdRequest,
  payloadLength,
  RequestReader,
} from '../../../src/wire/nbd/requests.ts';
import {
  expectAtEveryCut,
  expectRefusedAtEveryCut,
  inARow,
  type Open,
} from '../../support/every-cut.ts';
import { hex, toHex } from '../../support/hex.ts';

const compact = { extended: false };
const extended = { extended: true };

const openReader =
  (style: { readonly extended: boolean }): Open<NbdRequest> =>
  () => {
    const reader = new RequestReader(style);
    return (inflow) => reader.next(inflow);
  };

const cookie = { cookieHigh: 0x5607, cookieLow: 0xf058_efc0 };

describe('a request', () => {
  it.each([
    // As qemu-io 7.2 sends them.
    ['0000 0000 00005607f058efc0 0000000000000400 00000200', 0, COMMAND.READ, 1024, 512],
    ['0001 0001 00005607f058efc0 0000000000000800 00000200', 1, COMMAND.WRITE, 2048, 512],
    ['0003 0006 00005607f058efc0 0000000000002000 00001000', 3, COMMAND.WRITE_ZEROES, 8192, 4096],
    ['0000 0004 00005607f058efc0 0000000000004000 00001000', 0, COMMAND.TRIM, 16_384, 4096],
    ['0008 0007 00005607f058efc0 0000000000002000 0000e000', 8, COMMAND.BLOCK_STATUS, 8192, 57_344],
    ['0000 0003 00005607f058efc0 0000000000000000 00000000', 0, COMMAND.FLUSH, 0, 0],
    ['ffff ffff 00005607f058efc0 ffffffffffffffff ffffffff', 65_535, 65_535, 2 ** 64, 2 ** 32 - 1],
  ])('is 28 bytes: %s', (text, flags, command, offset, length) => {
    const request = { flags, command, offset, length, ...cookie };
    const bytes = hex(`25609513 ${text}`);
    expectAtEveryCut(bytes, openReader(compact), request);
    expect(toHex(encodeRequest(request, compact))).toBe(toHex(bytes));
  });

  it.each([
    ['0020 0001 00005607f058efc0 0000000000000800 0000000000000200', 32, COMMAND.WRITE, 2048, 512],
    ['0000 0006 00005607f058efc0 0000000100000000 0000000200000000', 0, 6, 2 ** 32, 2 ** 33],
    ['0000 0007 00005607f058efc0 ffffffffffffffff ffffffffffffffff', 0, 7, 2 ** 64, 2 ** 64],
  ])('is 32 bytes with extended headers: %s', (text, flags, command, offset, length) => {
    const request = { flags, command, offset, length, ...cookie };
    const bytes = hex(`21e41c71 ${text}`);
    expectAtEveryCut(bytes, openReader(extended), request);
    expect(toHex(encodeRequest(request, extended))).toBe(toHex(bytes));
  });

  it('comes after another one', () => {
    const one = (offset: number) => ({ flags: 0, command: 0, offset, length: 512, ...cookie });
    const bytes = hex(`25609513 0000 0000 00005607f058efc0 0000000000000400 00000200
                       25609513 0000 0000 00005607f058efc0 0000000000000600 00000200`);
    expectAtEveryCut(bytes, inARow(openReader(compact), 2), [one(1024), one(1536)]);
  });

  it.each([
    ['25609514', compact],
    ['12560953', compact],
    ['67446698', compact],
    ['21e41c71', compact],
    ['25609513', extended],
    ['6e8a278c', extended],
  ])('is refused with magic %s where there is %j', (magic, style) => {
    const rest = '00'.repeat(style.extended ? 28 : 24);
    expectRefusedAtEveryCut(hex(`${magic} ${rest}`), openReader(style));
  });
});

describe('the payload of a request', () => {
  const request = { flags: 0, command: 0, offset: 0, length: 512, ...cookie };
  const { READ, WRITE, TRIM, BLOCK_STATUS } = COMMAND;
  const { PAYLOAD_LEN, FUA } = COMMAND_FLAG;

  it.each([
    [WRITE, FUA, compact, 512],
    [WRITE, 0, compact, 512],
    [READ, 0, compact, 0],
    [TRIM, 0, compact, 0],
    // The flag means nothing there.
    [TRIM, PAYLOAD_LEN, compact, 0],
    [WRITE, PAYLOAD_LEN | FUA, extended, 512],
    [WRITE, 0, extended, 0],
    [READ, 0, extended, 0],
    [BLOCK_STATUS, PAYLOAD_LEN, extended, 512],
    [0xffff, PAYLOAD_LEN, extended, 512],
  ])('of command %i with flags %i and %j has %i bytes', (command, flags, style, length) => {
    expect(payloadLength({ ...request, command, flags }, style)).toBe(length);
  });
});
