import { describe, expect, it } from 'vitest';
import type { BlockNode } from '../../../src/block/node.ts';
import { COMMAND, EXPORT_FLAG } from '../../../src/wire/nbd/constants.ts';
import { pattern } from '../../support/drivers.ts';
import { NbdRig, type Script, USUAL_FLAGS } from '../../support/nbd-rig.ts';
import { type Watched, watch } from '../../support/settle.ts';

/** What one connection carries before it is busy. */
const LOAD = 1024 * 1024;
const SEVERAL: Partial<Script> = {
  size: 8 * LOAD,
  flags: USUAL_FLAGS | EXPORT_FLAG.CAN_MULTI_CONN,
};
const usual = () => undefined;

/** A server that lets a client have several connections, and holds its requests at first. */
async function opened(options: object = {}, script: Partial<Script> = {}) {
  const held: (() => void)[] = [];
  const rig = new NbdRig({
    ...SEVERAL,
    answer(request, payload, guest) {
      held.push(() => {
        if (server.guests.has(guest)) guest.say(server.carryOut(request, payload));
      });
      return [];
    },
    ...script,
  });
  const { server, clock } = rig;
  const node = await rig.open(options);
  return { rig, node, server, clock, held };
}

type Opened = Awaited<ReturnType<typeof opened>>;

/** Loads of requests, each with its own bytes, from the first on. */
function loads(node: BlockNode, count: number, first = 0): readonly Watched[] {
  return Array.from({ length: count }, (_, index) =>
    watch(() => node.write((first + index) * LOAD, pattern(LOAD, first + index + 1))),
  );
}

/** With two connections: two loads are in flight on the first, one on the second. */
async function openedTwice(options: object = {}) {
  const all = await opened(options);
  const requests = [...loads(all.node, 2)];
  await all.clock.advance(10);
  expect(all.server.visits).toBe(2);
  requests.push(...loads(all.node, 1, 2));
  await all.clock.advance(10);
  expect(all.server.ways).toEqual([1, 1, 2]);
  return { ...all, requests };
}

/** With two connections: all in flight is on the first, nothing on the second. */
async function openedWithIdle(options: object = {}) {
  const all = await opened(options);
  const [first] = loads(all.node, 2);
  await all.clock.advance(10);
  expect(all.server.visits).toBe(2);
  return { ...all, first: first as Watched };
}

/** Lets the server answer from now on. @returns Whether it has the loads. */
async function goOn({ rig, server, clock, held }: Opened, requests: readonly Watched[]) {
  server.script.answer = usual;
  for (const answer of held) answer();
  await clock.advance(30_000);
  for (const { state, error } of requests)
    expect({ state, error }).toMatchObject({ state: 'done' });
  requests.forEach((_, index) => {
    const found = server.bytes.subarray(index * LOAD, (index + 1) * LOAD);
    expect(Buffer.compare(found, pattern(LOAD, index + 1))).toBe(0);
  });
  await rig.close();
}

describe('connections to one NBD server', () => {
  it('share what is in flight, when it is more than keeps one busy', async () => {
    const { rig, node, server, clock } = await openedTwice();
    loads(node, 3, 3);
    await clock.advance(10);
    expect(server.ways).toEqual([1, 1, 2, 2, 1, 2]);
    server.script.answer = usual;
    server.drop();
    await rig.close();
  });

  it('are as many as are asked for at most', async () => {
    const { rig, node, server, clock } = await opened({ 'multi-conn': 3 });
    for (let round = 0; round < 4; round += 1) {
      loads(node, 8);
      await clock.advance(10);
    }
    expect(server.visits).toBe(3);
    expect(new Set(server.ways)).toEqual(new Set([1, 2, 3]));
    server.drop();
    await rig.close();
  });

  it.each<[string, object, Partial<Script>]>([
    ['one is asked for', { 'multi-conn': 1 }, {}],
    ['none is asked for', { 'multi-conn': 0 }, {}],
    ['the server does not let a client have several', {}, { flags: USUAL_FLAGS }],
  ])('are one where %s', async (_, options, script) => {
    const { rig, node, server, clock } = await opened(options, script);
    for (let round = 0; round < 2; round += 1) {
      loads(node, 8);
      await clock.advance(10);
    }
    expect(server.visits).toBe(1);
    server.drop();
    await rig.close();
  });

  it('are one while requests are small, and for those that still are', async () => {
    const { rig, node, server, clock } = await opened();
    const small = (at: number) => watch(() => node.read(at * 4096, new Uint8Array(4096)));
    for (let at = 0; at < 40; at += 1) small(at);
    await clock.advance(10);
    expect(server.visits).toBe(1);
    server.script.answer = usual;
    server.drop();
    await clock.advance(10);
    // Now there are two, and nothing is in flight any more.
    await rig.until(Promise.all(Array.from({ length: 4 }, () => node.write(0, pattern(LOAD)))));
    expect(server.guests.size).toBe(2);
    const { visits } = server;
    const start = server.ways.length;
    for (let at = 0; at < 40; at += 1) small(at);
    await clock.advance(10);
    expect(new Set(server.ways.slice(start)).size).toBe(1);
    expect(server.visits).toBe(visits);
    await rig.close();
  });

  it('all hear that the client takes leave', async () => {
    const all = await openedTwice();
    await goOn(all, all.requests);
    expect(all.server.leaves).toBe(2);
  });
});

describe('another connection to an NBD server', () => {
  it.each<[string, Partial<Script>]>([
    ['is cut', { greeting: new Uint8Array(0) }],
    ['serves another disk', { size: 4 * LOAD }],
  ])('is done without for good where it %s', async (_, change) => {
    const all = await opened();
    const { node, server, clock } = all;
    const before = { ...server.script };
    Object.assign(server.script, change);
    const requests = [...loads(node, 2)];
    await clock.advance(10);
    expect(server.visits).toBe(2);
    server.drop(2);
    Object.assign(server.script, before);
    requests.push(...loads(node, 2, 2));
    await clock.advance(10);
    expect(server.ways).toEqual([1, 1, 1, 1]);
    expect(server.visits).toBe(2);
    await goOn(all, requests);
  });

  it('that never answers holds nobody up, not even a close', async () => {
    const { rig, node, server, clock, held } = await opened();
    server.script.greeting = new Uint8Array(0);
    const requests = loads(node, 4);
    await clock.advance(10);
    expect(server.visits).toBe(2);
    for (const answer of held) answer();
    await clock.advance(10);
    expect(requests.map(({ state }) => state)).toEqual(requests.map(() => 'done'));
    const closed = watch(() => rig.graph.closeAll());
    await clock.advance(100);
    expect(closed.state).toBe('done');
    await rig.close();
  });

  it('is given up with the first, when that is lost meanwhile', async () => {
    const all = await opened({ 'reconnect-delay': 5 });
    const { node, server, clock } = all;
    const { greeting } = server.script;
    server.script.greeting = new Uint8Array(0);
    const requests = loads(node, 2);
    await clock.advance(10);
    expect(server.visits).toBe(2);
    server.script.greeting = greeting;
    server.drop(1);
    await clock.advance(10);
    expect([...server.guests].map(({ visit }) => visit)).not.toContain(2);
    await goOn(all, requests);
  });

  it('is done without when it is lost with nothing in flight', async () => {
    const all = await openedWithIdle();
    const { node, server, clock, first } = all;
    server.drop(2);
    await clock.advance(10);
    expect(first.state).toBe('pending');
    const more = loads(node, 2, 1);
    await clock.advance(10);
    expect(server.ways).toEqual([1, 1, 1, 1]);
    await clock.advance(60_000);
    expect(server.visits).toBe(2);
    await goOn(all, [first, ...more]);
  });

  it('is given up with the others when it breaks the protocol', async () => {
    const { rig, server, clock, first } = await openedWithIdle();
    const [, idle] = [...server.guests];
    idle?.say([pattern(40)]);
    await clock.advance(10);
    expect(first.error).toMatchObject({ code: 'EPROTO' });
    expect(server.guests.size).toBe(0);
    await rig.close();
  });
});

describe('connections to one NBD server of which one is lost with requests in flight', () => {
  it.each([1, 2])('are lost together, and all is repeated once it is back: %i', async (visit) => {
    const all = await openedTwice({ 'reconnect-delay': 5 });
    all.server.script.answer = usual;
    all.server.drop(visit);
    await all.clock.advance(10);
    expect(all.server.guests.size).toBeGreaterThan(0);
    expect(all.server.ways.slice(3).every((way) => way > 2)).toBe(true);
    await goOn(all, all.requests);
  });

  it.each([1, 2])(
    'fail all that is in flight, where nothing is to be repeated: %i',
    async (visit) => {
      const { rig, node, server, clock, requests } = await openedTwice();
      server.drop(visit);
      server.script.answer = usual;
      await clock.advance(10);
      for (const { error } of requests) expect(error).toMatchObject({ code: 'EIO' });
      await rig.until(node.write(0, pattern(512)));
      await rig.close();
    },
  );

  it('end together when their requests are cancelled', async () => {
    const { rig, node, server, clock, requests } = await openedTwice();
    node.cancelInFlight();
    await clock.advance(0);
    for (const { error } of requests) expect(error).toMatchObject({ code: 'ECANCELED' });
    server.script.answer = usual;
    await rig.until(node.flush());
    expect(server.guests.size).toBe(1);
    expect(server.requests.at(-1)).toMatchObject({ command: COMMAND.FLUSH });
    await rig.close();
  });

  it('end together when requests of one are cancelled, and the other has none', async () => {
    const { rig, node, server, clock, held, requests } = await openedTwice();
    for (const answer of held.slice(0, 2)) answer();
    await clock.advance(10);
    node.cancelInFlight();
    await clock.advance(10);
    expect(requests.map(({ state }) => state)).toEqual(['done', 'done', 'failed']);
    server.script.answer = usual;
    await rig.until(node.flush());
    expect(server.guests.size).toBe(1);
    await rig.close();
  });
});
