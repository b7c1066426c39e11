import { describe, expect, it } from 'vitest';
import { BufferPool } from '../../../src/exports/nbd/buffer-pool.ts';
import { DEFAULT_LIMITS } from '../../../src/exports/nbd/limits.ts';
import { Transmission } from '../../../src/exports/nbd/transmission.ts';
import { Inflow } from '../../../src/wire/inflow.ts';
import { COMMAND, COMMAND_FLAG } from '../../../src/wire/nbd/constants.ts';
import { pattern } from '../../support/drivers.ts';
import { HandConnection } from '../../support/hand-connection.ts';
import { concat } from '../../support/hex.ts';
import { RigClient, ServerRig } from '../../support/nbd-server-rig.ts';
import { settle } from '../../support/settle.ts';

const LENGTH = 50_000;
/** After so long a payload, another one is expected. */
const LONG = 128 * 1024;

/** A session with a disk that is held, and all the memory that it has. */
function session({ places = false, extended = false } = {}) {
  const rig = new ServerRig();
  rig.disk.gate.mode = 'held';
  const placed: Uint8Array[] = [];
  const place = (_offset: number, length: number) => {
    const memory = new Uint8Array(length);
    placed.push(memory);
    return memory;
  };
  if (places) Object.assign(rig.disk, { place });
  const connection = new HandConnection();
  const [inflow, pool] = [new Inflow(), new BufferPool()];
  const given: Uint8Array[] = [];
  pool.give = (buffer) => void given.push(buffer);
  let over = 0;
  const style = { structured: extended, extended };
  new Transmission({
    target: rig.served,
    style,
    contexts: [],
    minimum: 1,
    connection,
    inflow,
    limits: DEFAULT_LIMITS,
    pool,
    clock: rig.clock,
    onOver: () => {
      over += 1;
    },
  }).start();
  const overs = () => over;
  const client = new RigClient(connection, style);
  return { rig, connection, client, inflow, given, placed, overs };
}

describe('the memory of an NBD session', () => {
  it('gets back the buffer of a payload when it is written, and not before', async () => {
    const { rig, client, given } = session();
    const bytes = client.build({ command: COMMAND.WRITE }, pattern(LENGTH, 9));
    client.say(bytes.subarray(0, 1000));
    client.say(bytes.subarray(1000));
    expect(given).toEqual([]);
    rig.disk.gate.next('write').complete();
    expect(await client.replies()).toMatchObject([{ error: 0 }]);
    // That of the payload, and that of the reply.
    expect(given.map(({ length }) => length)).toEqual([65_536, 262_144]);
    expect(rig.disk.bytes.subarray(0, LENGTH)).toEqual(pattern(LENGTH, 9));
  });

  it('lets the rest of a long payload come to where it belongs, and nothing else', async () => {
    const { rig, client, connection } = session();
    expect(connection.sayPlaced(pattern(1))).toBe(0);
    const bytes = client.build({ command: COMMAND.WRITE }, pattern(LENGTH, 9));
    const next = client.build({ command: COMMAND.WRITE, offset: LENGTH }, pattern(LENGTH, 5));
    connection.say(bytes.subarray(0, 1000));
    expect(connection.sayPlaced(bytes.subarray(1000, 21_000))).toBe(20_000);
    expect(connection.sayPlaced(concat(bytes.subarray(21_000), next))).toBe(bytes.length - 21_000);
    connection.say(next.subarray(0, next.length - 100));
    // So little is not worth it.
    expect(connection.sayPlaced(next.subarray(-100))).toBe(0);
    connection.say(next.subarray(-100));
    for (const held of [...rig.disk.gate.held]) held.complete();
    expect(await client.replies()).toMatchObject([{ error: 0 }, { error: 0 }]);
    const written = concat(pattern(LENGTH, 9), pattern(LENGTH, 5));
    expect(rig.disk.bytes.subarray(0, 2 * LENGTH)).toEqual(written);
  });

  it('takes little of the next long payload elsewhere than to where it belongs', async () => {
    const { rig, client, connection } = session();
    const [one, two] = [0, LONG].map((offset) =>
      client.build({ command: COMMAND.WRITE, offset }, pattern(LONG, 5 + offset)),
    ) as [Uint8Array, Uint8Array];
    connection.say(one);
    expect(connection.sayPlaced(two)).toBe(4096);
    expect(connection.sayPlaced(two.subarray(4096))).toBe(two.length - 4096);
    expect(connection.sayPlaced(client.build({ command: COMMAND.FLUSH }))).toBeGreaterThan(0);
    expect(connection.sayPlaced(pattern(1))).toBe(0);
    rig.disk.gate.mode = 'sync';
    for (const held of [...rig.disk.gate.held]) held.complete();
    await client.replies();
    const written = concat(pattern(LONG, 5), pattern(LONG, 5 + LONG));
    expect(Buffer.compare(rig.disk.bytes.subarray(0, 2 * LONG), written)).toBe(0);
  });

  it('receives a long payload where the disk wants it, which then is the disk’s', async () => {
    const { rig, client, connection, given, placed } = session({ places: true });
    const bytes = client.build({ command: COMMAND.WRITE, offset: 512 }, pattern(LONG, 9));
    connection.say(bytes.subarray(0, 1000));
    expect(connection.sayPlaced(bytes.subarray(1000))).toBe(bytes.length - 1000);
    expect(rig.disk.calls).toMatchObject([{ offset: 512, options: { placed: true } }]);
    for (const held of [...rig.disk.gate.held]) held.complete();
    expect(await client.replies()).toMatchObject([{ error: 0 }]);
    expect(placed).toHaveLength(1);
    expect(Buffer.compare(placed[0] ?? pattern(0), pattern(LONG, 9))).toBe(0);
    // That of the reply.
    expect(given.map(({ length }) => length)).toEqual([262_144]);
  });

  it.each([
    { what: 'short', request: {}, length: LONG - 1 },
    { what: 'to be durable', request: { flags: COMMAND_FLAG.FUA }, length: LONG },
    { what: 'refused', request: { offset: 2 ** 40 }, length: LONG },
  ])('asks the disk for no place for a write that is $what', async ({ request, length }) => {
    const { rig, client, placed } = session({ places: true });
    client.send({ command: COMMAND.WRITE, ...request }, pattern(length));
    for (const { options } of rig.disk.calls) expect(options).not.toHaveProperty('placed');
    for (const held of [...rig.disk.gate.held]) held.complete();
    expect(await client.replies()).toHaveLength(1);
    expect(placed).toEqual([]);
  });

  it('leaves the disk as it is when a payload for its own memory never came whole', async () => {
    const { rig, client, connection, given, placed, overs } = session({ places: true });
    client.say(client.build({ command: COMMAND.WRITE }, pattern(LONG)).subarray(0, LONG));
    connection.close();
    await settle();
    expect([placed.length, given.length, overs()]).toEqual([1, 0, 1]);
    expect(rig.disk.operations).toEqual([]);
  });

  it('takes no memory for what comes with a farewell', async () => {
    const { client, connection, overs } = session({ extended: true });
    const flags = COMMAND_FLAG.PAYLOAD_LEN;
    client.say(client.build({ command: COMMAND.DISC, flags, length: 2 ** 50 }));
    client.say(pattern(LENGTH));
    expect(connection.outcome).toBe('no');
    connection.sayEnd();
    await settle();
    expect([connection.outcome, overs()]).toEqual(['ended', 1]);
  });

  it('gets back the buffer of a payload that never came whole', async () => {
    const { client, connection, given, overs } = session();
    client.say(client.build({ command: COMMAND.WRITE }, pattern(LENGTH)).subarray(0, 1000));
    connection.close();
    await settle();
    expect(given.map(({ length }) => length)).toEqual([65_536]);
    expect(overs()).toBe(1);
  });

  it('gets back that of replies which nobody was there to take', async () => {
    const { rig, client, connection, given } = session();
    connection.takes = false;
    client.send({ length: 4096 });
    client.send({ length: LENGTH * 2 });
    await settle();
    connection.close();
    for (const held of [...rig.disk.gate.held]) held.complete();
    await settle();
    expect(given.map(({ length }) => length).sort()).toEqual([131_072, 262_144]);
  });

  it('keeps nothing of what comes after the end', async () => {
    const { rig, client, inflow, overs } = session();
    client.say(client.build({ length: 16 }), client.build({ command: COMMAND.DISC }));
    client.say(pattern(LENGTH));
    expect(inflow.length).toBe(0);
    expect(overs()).toBe(0);
    rig.disk.gate.next().complete();
    await settle();
    expect(overs()).toBe(1);
  });
});
