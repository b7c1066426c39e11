import { describe, expect, it } from 'vitest';
import {
  COMMAND,
  EXPORT_FLAG,
  NBD_ERROR,
  REPLY_FLAG,
  REPLY_TYPE,
} from '../../../src/wire/nbd/constants.ts';
import {
  encodeBlockStatus,
  encodeError,
  encodeNone,
  encodeOffsetData,
  encodeOffsetHole,
  encodeSimpleReply,
} from '../../../src/wire/nbd/replies.ts';
import type { NbdRequest } from '../../../src/wire/nbd/requests.ts';
import { pattern } from '../../support/drivers.ts';
import { NbdRig, type Script, USUAL_FLAGS } from '../../support/nbd-rig.ts';

const STYLE = { extended: false };
const { DONE } = REPLY_FLAG;

type Answer = (request: NbdRequest) => readonly Uint8Array[];

const data = (request: NbdRequest, offset: number, bytes: Uint8Array, flags = 0) => [
  encodeOffsetData(request, flags, STYLE, { offset, length: bytes.length }),
  bytes,
];
const hole = (request: NbdRequest, offset: number, length: number, flags = 0) => [
  encodeOffsetHole(request, flags, STYLE, { offset, length }),
];
const none = (request: NbdRequest) => [encodeNone(request, DONE, STYLE)];
const status = (request: NbdRequest, lengths: readonly number[], flags = 0, context = 7) => {
  const extents = lengths.map((length) => ({ length, flags: 0 }));
  return [encodeBlockStatus(request, flags, STYLE, { context, extents })];
};
const failed = (request: NbdRequest, error: number, flags = 0, offset?: number) => [
  encodeError(request, flags, STYLE, { error, text: 'the disk is broken', offset }),
];

/** A chunk of a type that the codec does not make. */
function chunk(request: NbdRequest, type: number, length: number, flags = 0): Uint8Array {
  const bytes = encodeNone(request, flags, STYLE);
  const view = new DataView(bytes.buffer);
  view.setUint16(6, type);
  view.setUint32(16, length);
  return bytes;
}

/** Reads 4096 bytes at 8192 of a server that answers so. */
async function readWith(answer: Answer, script: Partial<Script> = {}) {
  const rig = new NbdRig({ ...script, answer });
  const node = await rig.open();
  const into = new Uint8Array(4096).fill(0xcc);
  try {
    await rig.until(node.read(8192, into));
    return into;
  } finally {
    await rig.close();
  }
}

describe('structured reply to a read', () => {
  it.each<[string, Answer]>([
    ['in one chunk', (r) => data(r, 8192, pattern(4096), DONE)],
    [
      'in order, and an end by itself',
      (r) => [
        ...data(r, 8192, pattern(1000)),
        ...data(r, 9192, pattern(4096).subarray(1000)),
        ...none(r),
      ],
    ],
    [
      'in order at first, and then not',
      (r) => [
        ...data(r, 8192, pattern(1000)),
        ...data(r, 11_288, pattern(4096).subarray(3096)),
        ...data(r, 9192, pattern(4096).subarray(1000, 3096), DONE),
      ],
    ],
    [
      'out of order, the gap last',
      (r) => [
        ...data(r, 11_288, pattern(4096).subarray(3096)),
        ...data(r, 8192, pattern(1000)),
        ...data(r, 9192, pattern(4096).subarray(1000, 3096), DONE),
      ],
    ],
  ])('is put together: %s', async (_, answer) => {
    expect(Buffer.compare(await readWith(answer), pattern(4096))).toBe(0);
  });

  it('has zeroes where there are holes', async () => {
    const found = await readWith((r) => [
      ...data(r, 8192, pattern(1000)),
      ...hole(r, 9192, 3096, DONE),
    ]);
    const expected = new Uint8Array(4096);
    expected.set(pattern(1000));
    expect(Buffer.compare(found, expected)).toBe(0);
  });

  it('comes in pieces of any size', async () => {
    const rig = new NbdRig();
    rig.sockets.conditions.fragment = () => 1;
    const node = await rig.open();
    rig.server.bytes.set(pattern(600), 100);
    const into = new Uint8Array(600);
    await rig.until(node.read(100, into));
    expect(Buffer.compare(into, pattern(600))).toBe(0);
    await rig.close();
  });

  it.each<[string, Answer]>([
    ['with a byte missing', (r) => data(r, 8192, pattern(4095), DONE)],
    ['with nothing', none],
    ['with a byte twice', (r) => [...data(r, 8192, pattern(4096)), ...hole(r, 8192, 1, DONE)]],
    ['with overlapping chunks', (r) => [...hole(r, 8292, 100), ...hole(r, 8200, 93, DONE)]],
    ['with an overlap behind', (r) => [...hole(r, 8192, 100), ...hole(r, 8291, 9, DONE)]],
    ['before the range', (r) => data(r, 8191, pattern(4096), DONE)],
    ['beyond the range', (r) => data(r, 8193, pattern(4096), DONE)],
    ['of data without bytes', (r) => data(r, 8192, new Uint8Array(0), DONE)],
    ['of a hole without bytes', (r) => hole(r, 8192, 0, DONE)],
    ['of a chunk shorter than its offset', (r) => [chunk(r, REPLY_TYPE.OFFSET_DATA, 4)]],
    ['of block status', (r) => status(r, [4096], DONE)],
    ['of a type that nobody knows', (r) => [chunk(r, 77, 0, DONE)]],
    ['that says nothing, and goes on', (r) => [chunk(r, REPLY_TYPE.NONE, 0)]],
    ['with an error that is none', (r) => failed(r, 0, DONE)],
    ['with a payload as long as memory', (r) => [chunk(r, REPLY_TYPE.ERROR, 0xffff_ffff)]],
    ['as a simple one', (r) => [encodeSimpleReply(r, 0), pattern(4096)]],
    ['for another request', (r) => none({ ...r, cookieLow: r.cookieLow + 1 })],
    [
      'for an older request',
      (r) => data({ ...r, cookieHigh: r.cookieHigh + 1 }, 8192, pattern(4096), DONE),
    ],
    ['beyond all slots', (r) => none({ ...r, cookieLow: 0xffff_ffff })],
    [
      'in pieces that are too scattered',
      (r) => Array.from({ length: 1100 }, (_, index) => hole(r, 8192 + 2 * index, 1)).flat(),
    ],
  ])('ends the connection: one %s', async (_, answer) => {
    await expect(readWith(answer)).rejects.toMatchObject({ code: 'EPROTO' });
  });

  it.each<[string, Answer, string]>([
    ['comes twice', (r) => [...none(r), ...none(r)], 'fulfilled'],
    [
      'says nothing, and has a payload',
      (r) => [chunk(r, REPLY_TYPE.NONE, 4, DONE), pattern(4)],
      'rejected',
    ],
  ])('ends the connection when it %s', async (_, answer, outcome) => {
    const rig = new NbdRig({ answer });
    const node = await rig.open();
    const [flushed] = await rig.until(Promise.allSettled([node.flush()]));
    expect(flushed?.status).toBe(outcome);
    await rig.clock.advance(10);
    await expect(rig.until(node.flush())).rejects.toMatchObject({ code: 'EPROTO' });
    await rig.close();
  });

  it('ends the connection when errors go on for ever', async () => {
    const endless = readWith((r) => [
      Buffer.concat(Array.from({ length: 70_000 }, () => failed(r, 5)).flat()),
    ]);
    await expect(endless).rejects.toThrow('its reply does not end');
  });

  it('fails as the server says, once all of it has come', async () => {
    const read = readWith((r) => [
      ...data(r, 8192, pattern(1000)),
      ...failed(r, NBD_ERROR.ENOMEM, 0, 9192),
      ...failed(r, NBD_ERROR.EIO),
      ...none(r),
    ]);
    await expect(read).rejects.toMatchObject({
      code: 'ENOMEM',
      message:
        'Cannot read 4096 bytes at 8192 over NBD: ' +
        'the server reports ENOMEM at 9192: the disk is broken',
    });
  });

  it('takes errors for errors that nobody knows yet', async () => {
    const unknown = (r: NbdRequest) => {
      const [bytes = new Uint8Array(0)] = failed(r, NBD_ERROR.ENOSPC, DONE);
      new DataView(bytes.buffer).setUint16(6, 0x8077);
      return [bytes];
    };
    await expect(readWith(unknown)).rejects.toMatchObject({ code: 'ENOSPC' });
  });
});

describe('simple reply', () => {
  it('to a write is as good as a structured one', async () => {
    for (const answer of [none, (r: NbdRequest) => [encodeSimpleReply(r, 0)]]) {
      const rig = new NbdRig({ answer });
      const node = await rig.open();
      await rig.until(node.write(0, pattern(512)));
      await rig.close();
    }
  });

  it('carries an error', async () => {
    const rig = new NbdRig({ answer: (r) => [encodeSimpleReply(r, NBD_ERROR.ENOSPC)] });
    const node = await rig.open();
    await expect(rig.until(node.write(0, pattern(512)))).rejects.toMatchObject({
      code: 'ENOSPC',
      message: 'Cannot write 512 bytes at 0 over NBD: the server reports ENOSPC',
    });
    await rig.close();
  });
});

describe('reply about blocks', () => {
  async function query(answer: Answer, sizes?: Script['sizes']) {
    const rig = new NbdRig({ answer, ...(sizes ? { sizes } : {}) });
    const node = await rig.open();
    try {
      return await rig.until(node.blockStatus(8192, 16_384));
    } finally {
      await rig.close();
    }
  }

  it('counts with its first extent, whatever more there is', async () => {
    for (const lengths of [[4096], [4096, 8192]]) {
      const found = await query((r) => status(r, lengths, DONE));
      expect(found).toEqual({ length: 4096, data: true, zero: false, allocated: true });
    }
  });

  it('may go beyond what was asked for', async () => {
    expect(await query((r) => status(r, [1024 * 1024], DONE))).toMatchObject({ length: 16_384 });
  });

  it('is brought to whole blocks, and part of one is data', async () => {
    const sizes = { minimum: 4096, preferred: 4096, maximum: 65_536 };
    const zeroes = (length: number) => (r: NbdRequest) => [
      encodeBlockStatus(r, DONE, STYLE, { context: 7, extents: [{ length, flags: 3 }] }),
    ];
    const zero = { data: false, zero: true, allocated: true };
    expect(await query(zeroes(5000), sizes)).toEqual({ length: 4096, ...zero });
    const data = { data: true, zero: false, allocated: true };
    expect(await query(zeroes(500), sizes)).toEqual({ length: 4096, ...data });
  });

  it.each<[string, Answer]>([
    ['nothing', none],
    ['an extent without bytes', (r) => status(r, [0], DONE)],
    ['another context', (r) => status(r, [4096], DONE, 8)],
    ['the same twice', (r) => [...status(r, [4096]), ...status(r, [4096], DONE)]],
    ['data', (r) => data(r, 8192, pattern(16), DONE)],
    ['a simple reply', (r) => [encodeSimpleReply(r, 0)]],
  ])('ends the connection when it says: %s', async (_, answer) => {
    await expect(query(answer)).rejects.toMatchObject({ code: 'EPROTO' });
  });

  it('fails as the server says', async () => {
    const answer: Answer = (r) => failed(r, NBD_ERROR.EIO, DONE);
    await expect(query(answer)).rejects.toMatchObject({ code: 'EIO' });
  });
});

describe('requests with extended headers', () => {
  it('are as long as need be, and say what payload they have', async () => {
    const flags = USUAL_FLAGS | EXPORT_FLAG.SEND_FAST_ZERO;
    const rig = new NbdRig({ extended: true, flags, sizes: undefined });
    const node = await rig.open();
    await rig.until(node.write(512, pattern(1024), { forceUnitAccess: true }));
    await rig.until(node.writeZeroes(0, 512, { noFallback: true, mayUnmap: true }));
    await rig.until(node.discard(0, 4096));
    await rig.until(node.flush());
    const found = new Uint8Array(1024);
    await rig.until(node.read(512, found));
    expect(Buffer.compare(found, pattern(1024))).toBe(0);
    expect(await rig.until(node.blockStatus(0, 512))).toMatchObject({ length: 512 });
    expect(rig.server.requests.map((r) => [r.command, r.flags])).toEqual([
      [COMMAND.WRITE, 1 | 32],
      [COMMAND.WRITE_ZEROES, 16],
      [COMMAND.TRIM, 0],
      [COMMAND.FLUSH, 0],
      [COMMAND.READ, 0],
      [COMMAND.BLOCK_STATUS, 8],
    ]);
    await rig.close();
  });
});
