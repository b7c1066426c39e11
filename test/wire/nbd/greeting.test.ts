import { describe, expect, it } from 'vitest';
import {
  encodeClientFlags,
  encodeExportNameReply,
  encodeGreeting,
  GreetingReader,
  nextClientFlags,
  nextExportNameReply,
} from '../../../src/wire/nbd/greeting.ts';
import { expectAtEveryCut, expectRefusedAtEveryCut, type Open } from '../../support/every-cut.ts';
import { hex, toHex } from '../../support/hex.ts';

const ZEROES = '00'.repeat(124);

const openGreeting: Open<unknown> = () => {
  const reader = new GreetingReader();
  return (inflow) => reader.next(inflow);
};

describe('the greeting of a server', () => {
  const newstyle = hex('"NBDMAGIC" "IHAVEOPT" 0003');

  it('of the new style has the handshake flags', () => {
    expect(toHex(encodeGreeting(3))).toBe(toHex(newstyle));
    expectAtEveryCut(newstyle, openGreeting, { style: 'newstyle', flags: 3 });
  });

  it('of the old style has all that is known of the export', () => {
    const oldstyle = hex(`"NBDMAGIC" 00004202 81861253 0000000000002000 00000503 ${ZEROES}`);
    expectAtEveryCut(oldstyle, openGreeting, { style: 'oldstyle', size: 8192, flags: 0x503 });
  });

  it.each([
    '"NBDMAGIB"',
    '"SSH-2.0-"',
    '"NBDMAGIC" "IHAVEOPS"',
    '"NBDMAGIC" 00004202 81861254',
    '"NBDMAGIC" 00004203 81861253',
    '"NBDMAGIC" "NBDMAGIC"',
  ])('is refused as soon as it is none: %s', (text) => {
    expectRefusedAtEveryCut(hex(text), openGreeting);
  });
});

describe('the flags of a client', () => {
  it('are four bytes', () => {
    expect(toHex(encodeClientFlags(0x8000_0003))).toBe('80000003');
    expectAtEveryCut(hex('80000003'), () => nextClientFlags, 0x8000_0003);
    expectAtEveryCut(hex('00000000'), () => nextClientFlags, 0);
  });
});

describe('the answer to EXPORT_NAME', () => {
  const facts = { size: 0x0001_0000_0200, flags: 0x8ced };
  const bytes = '0000000100000200 8ced';

  it.each([
    [{ noZeroes: true }, bytes],
    [{ noZeroes: false }, `${bytes} ${ZEROES}`],
  ])('ends as was agreed: %j', (style, text) => {
    expect(toHex(encodeExportNameReply(facts, style))).toBe(toHex(hex(text)));
    expectAtEveryCut(hex(text), () => (inflow) => nextExportNameReply(inflow, style), facts);
  });
});
