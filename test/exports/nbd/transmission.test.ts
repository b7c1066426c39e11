import { describe, expect, it } from 'vitest';
import { BlockError } from '../../../src/base/errors.ts';
import { COMMAND, COMMAND_FLAG, NBD_ERROR } from '../../../src/wire/nbd/constants.ts';
import type { NbdRequest } from '../../../src/wire/nbd/requests.ts';
import { pattern } from '../../support/drivers.ts';
import { hex, toHex } from '../../support/hex.ts';
import { type RigClient, ServerRig, SIZE } from '../../support/nbd-server-rig.ts';
import { settle } from '../../support/settle.ts';

const { READ, WRITE, FLUSH, TRIM, CACHE, WRITE_ZEROES, DISC } = COMMAND;
const { FUA, NO_HOLE, FAST_ZERO, DF, PAYLOAD_LEN } = COMMAND_FLAG;

/** What a session may have agreed on. */
const STYLES = [
  ['simple', {}],
  ['structured', { structured: true }],
  ['extended', { extended: true }],
] as const;

/** Reads, and puts together what has come. */
async function read(client: RigClient, offset: number, length: number): Promise<Uint8Array> {
  const { data, chunks } = await client.ask({ command: READ, offset, length });
  if (data) return data;
  const bytes = new Uint8Array(length).fill(0xee);
  for (const chunk of chunks) {
    if (chunk.kind === 'data') bytes.set(chunk.data, chunk.offset - offset);
    else if (chunk.kind === 'hole') {
      bytes.fill(0, chunk.offset - offset, chunk.offset - offset + chunk.length);
    }
  }
  return bytes;
}

describe.each(STYLES)('an NBD session with %s replies', (_, style) => {
  it.each(['sync', 'async'] as const)(
    'reads what was written, on a disk that is %s',
    async (mode) => {
      const rig = new ServerRig();
      rig.disk.gate.mode = mode;
      const client = await rig.open(style);
      const written = pattern(5000, 99);
      expect(await client.ask({ command: WRITE, offset: 4000 }, written)).toMatchObject({
        error: 0,
      });
      expect(await read(client, 4000, 5000)).toEqual(written);
      expect(await read(client, 0, 4000)).toEqual(pattern(4000));
      expect(rig.served.statistics()).toMatchObject({
        read: { requests: 2, bytes: 9000, errors: 0 },
        write: { requests: 1, bytes: 5000, errors: 0 },
      });
    },
  );

  it('zeroes, trims, flushes and caches', async () => {
    const rig = new ServerRig();
    const client = await rig.open(style);
    const range = { offset: 8192, length: 4096 };
    await client.ask({ command: WRITE_ZEROES, ...range, flags: NO_HOLE });
    expect(await read(client, 8192, 4096)).toEqual(new Uint8Array(4096));
    await client.ask({ command: WRITE_ZEROES, ...range, flags: FAST_ZERO });
    await client.ask({ command: TRIM, ...range, flags: FUA });
    await client.ask({ command: FLUSH });
    const cached = await client.ask({ command: CACHE, ...range });
    expect(cached).toMatchObject({ error: 0 });
    expect(rig.disk.calls).toMatchObject([
      { operation: 'writeZeroes', options: { mayUnmap: false, noFallback: false } },
      { operation: 'read' },
      { operation: 'writeZeroes', options: { mayUnmap: true, noFallback: true } },
      { operation: 'discard' },
      { operation: 'flush' },
      { operation: 'flush' },
      { operation: 'read', ...range },
    ]);
  });

  it('makes durable what has FUA', async () => {
    const rig = new ServerRig();
    const client = await rig.open(style);
    await client.ask({ command: WRITE, offset: 0, flags: FUA }, pattern(512));
    await client.ask({ command: WRITE_ZEROES, offset: 0, length: 512, flags: FUA });
    await client.ask({ command: READ, offset: 0, length: 512, flags: FUA });
    expect(rig.disk.calls).toMatchObject([
      { operation: 'write', options: { forceUnitAccess: true } },
      { operation: 'writeZeroes', options: { forceUnitAccess: true } },
      { operation: 'read' },
    ]);
  });

  const wrong: readonly (readonly [string, Partial<NbdRequest>, number])[] = [
    ['a read beyond the end', { offset: SIZE - 1, length: 2 }, NBD_ERROR.EINVAL],
    ['a trim beyond the end', { command: TRIM, offset: SIZE, length: 1 }, NBD_ERROR.EINVAL],
    ['zeroes beyond the end', { command: WRITE_ZEROES, offset: SIZE, length: 1 }, NBD_ERROR.ENOSPC],
    ['an offset beyond all', { offset: 2 ** 60, length: 1 }, NBD_ERROR.EINVAL],
    ['a read of more than 32 MiB', { length: 32 * 1024 * 1024 + 1 }, NBD_ERROR.EINVAL],
    ['a command that nobody knows', { command: 9 }, NBD_ERROR.EINVAL],
    ['a flag that it does not have', { length: 1, flags: NO_HOLE }, NBD_ERROR.EINVAL],
    ['a flag that nobody knows', { command: FLUSH, flags: 0x4000 }, NBD_ERROR.EINVAL],
    ['a block status without context', { command: 7, length: 512 }, NBD_ERROR.EINVAL],
  ];
  it.each(wrong)('answers %s with an error, and goes on', async (_title, request, error) => {
    const rig = new ServerRig();
    const client = await rig.open(style);
    expect(await client.ask(request)).toMatchObject({ error });
    expect(await read(client, 0, 512)).toEqual(pattern(512));
    expect(rig.disk.operations).toEqual(['read']);
  });

  it('drops the payload of a write that cannot be, and goes on', async () => {
    const rig = new ServerRig();
    const client = await rig.open(style);
    const beyond = client.build({ command: WRITE, offset: SIZE - 1 }, pattern(600));
    const length = 32 * 1024 * 1024 + 1;
    client.say(beyond, client.build({ command: WRITE, length }));
    for (let left = length; left > 0; left -= 65_536) {
      client.say(new Uint8Array(Math.min(left, 65_536)));
    }
    const replies = await client.replies();
    expect(replies.map(({ error }) => error)).toEqual([NBD_ERROR.ENOSPC, NBD_ERROR.EINVAL]);
    expect(await read(client, 0, 512)).toEqual(pattern(512));
    expect(rig.disk.operations).toEqual(['read']);
  });

  it('refuses whatever changes a read-only export', async () => {
    const rig = new ServerRig({ export: { writable: false } });
    const client = await rig.open(style);
    client.send({ command: WRITE, offset: 0 }, pattern(512));
    client.send({ command: TRIM, length: 512 });
    client.send({ command: WRITE_ZEROES, length: 512 });
    client.send({ command: FLUSH });
    const errors = (await client.replies()).map(({ error }) => error);
    expect(errors).toEqual([NBD_ERROR.EPERM, NBD_ERROR.EPERM, NBD_ERROR.EPERM, 0]);
    expect(rig.disk.operations).toEqual(['flush']);
  });

  it('passes on what the disk fails with', async () => {
    const rig = new ServerRig();
    rig.disk.gate.mode = 'held';
    const client = await rig.open(style);
    for (const code of ['EIO', 'ENOSPC', 'EBUSY'] as const) {
      client.send({ command: READ, length: 40_000 });
      await client.replies();
      const held = rig.disk.gate.held;
      for (const request of [...held]) {
        if (request.operation === 'blockStatus') request.complete();
      }
      await client.replies();
      rig.disk.gate.next('read').fail(new BlockError(code, 'read', 'the test wants it'));
      const [reply] = await client.replies();
      const expected = code === 'ENOSPC' ? NBD_ERROR.ENOSPC : NBD_ERROR.EIO;
      expect(reply).toMatchObject({ error: expected });
    }
    expect(rig.served.statistics().read).toEqual({ requests: 3, bytes: 0, errors: 3 });
  });

  it('takes requests however they are cut', async () => {
    const rig = new ServerRig();
    const client = await rig.open(style);
    const session = [
      client.build({ command: WRITE, offset: 100 }, pattern(70, 3)),
      client.build({ command: READ, offset: 90, length: 90 }),
      client.build({ command: WRITE, offset: SIZE }, pattern(30, 3)),
    ].map((bytes) => Array.from(bytes, (byte) => Uint8Array.of(byte)));
    for (const byte of session.flat()) client.say(byte);
    const errors = (await client.replies()).map(({ error }) => error);
    expect(errors).toEqual([0, 0, NBD_ERROR.ENOSPC]);
    expect(rig.disk.bytes.subarray(100, 170)).toEqual(pattern(70, 3));
  });
});

describe('an NBD session', () => {
  it('says every byte as the specification has it', async () => {
    const rig = new ServerRig();
    const client = await rig.open();
    client.connection.hear();
    // READ of 4 at 8; WRITE of 2 at 8; FLUSH; then the same READ.
    const header = '25609513 0000';
    client.say(
      hex(`${header} 0000 "cookie 1" 0000000000000008 00000004`),
      hex(`${header} 0001 "cookie 2" 0000000000000008 00000002 a1a2`),
      hex(`${header} 0003 "cookie 3" 0000000000000000 00000000`),
      hex(`${header} 0000 "cookie 4" 0000000000000008 00000004`),
    );
    await settle();
    expect(toHex(client.connection.hear())).toBe(
      toHex(
        hex(`67446698 00000000 "cookie 1" 0a0b0c0d
             67446698 00000000 "cookie 2"
             67446698 00000000 "cookie 3"
             67446698 00000000 "cookie 4" a1a20c0d`),
      ),
    );
  });

  it('answers the requests of one piece in few writes', async () => {
    const rig = new ServerRig();
    const client = await rig.open();
    const before = client.connection.writes;
    const requests = Array.from({ length: 16 }, () => client.build({ length: 512 }));
    client.say(...requests);
    expect(await client.replies()).toHaveLength(16);
    expect(client.connection.writes).toBe(before + 4);
  });

  it('needs the memory in which a payload came no longer than it came', async () => {
    const rig = new ServerRig();
    rig.disk.gate.mode = 'held';
    const client = await rig.open();
    const bytes = client.build({ command: WRITE, offset: 0 }, pattern(512, 9));
    client.connection.say(bytes);
    bytes.fill(0x77, bytes.length - 1);
    rig.disk.gate.next('write').complete();
    expect(rig.disk.bytes[511]).toBe(pattern(512, 9)[511]);
  });

  it('wants the flag for a payload with extended headers, and only there', async () => {
    const rig = new ServerRig();
    const client = await rig.open({ extended: true });
    const bare = client.build({ command: WRITE, offset: 0, length: 512 });
    bare[5] = 0;
    client.say(bare);
    client.send({ command: READ, length: 16, flags: PAYLOAD_LEN }, pattern(16));
    client.send({ command: READ, length: 16 });
    const errors = (await client.replies()).map(({ error }) => error);
    expect(errors).toEqual([NBD_ERROR.EINVAL, NBD_ERROR.EINVAL, 0]);
    const compact = await rig.open({ structured: true });
    const flagged = compact.build({ command: WRITE, offset: 0, flags: PAYLOAD_LEN }, pattern(16));
    compact.say(flagged);
    expect((await compact.replies()).map(({ error }) => error)).toEqual([NBD_ERROR.EINVAL]);
  });

  it('fails a fast zero that would not be fast', async () => {
    const rig = new ServerRig({ disk: { operations: [] } });
    const client = await rig.open();
    const zeroes = { command: WRITE_ZEROES, length: 512 };
    expect(await client.ask({ ...zeroes, flags: FAST_ZERO })).toMatchObject({
      error: NBD_ERROR.ENOTSUP,
    });
    expect(await client.ask(zeroes)).toMatchObject({ error: 0 });
  });

  it('holds to blocks only who has asked for their sizes', async () => {
    const rig = new ServerRig({ disk: { alignment: 512, size: SIZE + 100 } });
    const aware = await rig.open({ wanted: [3] });
    const unaware = await rig.open();
    const requests = [
      { offset: 1, length: 511 },
      { offset: 512, length: 1 },
    ];
    for (const request of requests) {
      expect(await aware.ask(request)).toMatchObject({ error: NBD_ERROR.EINVAL });
      expect(await unaware.ask(request)).toMatchObject({ error: 0 });
    }
    expect(await aware.ask({ offset: SIZE, length: 100 })).toMatchObject({ error: 0 });
  });

  it('answers what has no length', async () => {
    const rig = new ServerRig();
    for (const [, style] of STYLES) {
      const client = await rig.open(style);
      for (const command of [READ, WRITE, TRIM, WRITE_ZEROES, CACHE]) {
        const { error, chunks } = await client.ask({ command, length: 0 });
        expect(error).toBe(0);
        // A chunk of data has one byte at least.
        expect(chunks.every(({ kind }) => kind === 'none')).toBe(true);
      }
    }
  });

  it('ends when what comes is no request', async () => {
    const rig = new ServerRig();
    const client = await rig.open();
    client.say(hex('25609514'), new Uint8Array(24));
    expect(client.connection.outcome).toBe('destroyed');
  });

  it('sends one chunk where the client wants no more', async () => {
    const rig = new ServerRig();
    rig.disk.extentAt = (_offset, length) => ({ length, data: false, zero: true, allocated: true });
    const client = await rig.open({ structured: true });
    const whole = await client.ask({ length: 65_536, flags: DF });
    expect(whole.chunks).toMatchObject([{ kind: 'data', offset: 0 }]);
    const sparse = await client.ask({ length: 65_536 });
    expect(sparse.chunks).toEqual([{ kind: 'hole', offset: 0, length: 65_536 }]);
  });

  it('tells holes, and sends what lies between them', async () => {
    const rig = new ServerRig();
    const unit = 32_768;
    rig.disk.bytes.fill(0, unit, 2 * unit);
    rig.disk.extentAt = (offset) => {
      const index = Math.floor(offset / unit);
      const length = (index + 1) * unit - offset;
      return { length, data: index !== 1, zero: index === 1, allocated: true };
    };
    const client = await rig.open({ structured: true });
    const { chunks } = await client.ask({ offset: 100, length: 3 * unit });
    expect(chunks).toEqual([
      { kind: 'data', offset: 100, data: pattern(unit - 100, 101) },
      { kind: 'hole', offset: unit, length: unit },
      { kind: 'data', offset: 2 * unit, data: pattern(unit + 100, 2 * unit + 1) },
    ]);
  });

  it('never answers a DISC, whatever else it says', async () => {
    const rig = new ServerRig();
    const client = await rig.open();
    client.send({ command: DISC, flags: 0xffff, offset: 1, length: 2 ** 31 });
    expect(await client.replies()).toEqual([]);
    expect(client.connection.outcome).toBe('ended');
  });

  it('answers all before a DISC, nothing after it, and ends', async () => {
    const rig = new ServerRig();
    rig.disk.gate.mode = 'held';
    const client = await rig.open();
    client.say(
      client.build({ command: WRITE, offset: 0 }, pattern(16)),
      client.build({ command: DISC }),
      client.build({ command: WRITE, offset: 0 }, pattern(16)),
    );
    expect(await client.replies()).toEqual([]);
    expect(client.connection.outcome).toBe('no');
    expect(rig.disk.operations).toEqual(['write']);
    rig.disk.gate.next().complete();
    expect(await client.replies()).toMatchObject([{ cookie: 1, error: 0 }]);
    expect(client.connection.outcome).toBe('ended');
    expect(rig.served.statistics()).toMatchObject({ connections: 0, connectionsTotal: 1 });
    expect(rig.server.connections).toBe(0);
  });
});
