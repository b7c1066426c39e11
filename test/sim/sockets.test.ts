import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { type Connection, LINGER_MS } from '../../src/env/sockets.ts';
import { SimClock } from '../../src/sim/clock.ts';
import type { NetworkConditions } from '../../src/sim/socket-lane.ts';
import { SimSockets } from '../../src/sim/sockets.ts';
import { socketsContract } from '../contract/sockets-contract.ts';
import { settle } from '../support/settle.ts';
import { SocketRecorder } from '../support/socket-recorder.ts';

/** A network and the hand that moves its time. */
function network(conditions: Partial<NetworkConditions> = {}, seed = 1) {
  const clock = new SimClock();
  const sockets = new SimSockets({ clock, random: seededRandom(seed) }, conditions);
  const wait = async <T>(promise: Promise<T>): Promise<T> => {
    let isDone = false;
    const done = () => {
      isDone = true;
    };
    promise.then(done, done);
    for (await settle(); !isDone; await settle()) {
      if (!clock.fireNext()) throw new Error('the world stands still');
    }
    return promise;
  };
  return { clock, sockets, wait };
}

const ADDRESS = { type: 'inet', host: 'server', port: 10_809 } as const;
const RANDOM = seededRandom(5);

const CONDITIONS: Readonly<Record<string, Partial<NetworkConditions>>> = {
  quick: {},
  'slow and uneven': { latencyMs: 20, jitterMs: 30 },
  'in small pieces': { fragment: (waiting) => 1 + RANDOM.below(Math.min(waiting, 2000)) },
  narrow: { latencyMs: 1, bytesInFlightMax: 1000 },
};

for (const [name, conditions] of Object.entries(CONDITIONS)) {
  socketsContract(`simulated sockets, ${name}`, (body) =>
    body({ ...network(conditions), address: ADDRESS, nobody: 'ECONNREFUSED' }),
  );
}

/** Two ends that are connected, and what comes of them. */
async function connected({ sockets, wait }: ReturnType<typeof network>) {
  let server: Connection | undefined;
  await sockets.listen(ADDRESS, (accepted) => {
    server = accepted;
  });
  const client = await wait(sockets.connect(ADDRESS));
  const [link] = sockets.links;
  if (!server || !link) throw new Error('nobody was connected');
  const [atClient, atServer] = [new SocketRecorder(client), new SocketRecorder(server)];
  return { client, server, atClient, atServer, link };
}

describe('a simulated network', () => {
  it('takes its time', async () => {
    const world = network({ latencyMs: 20 });
    const { client, atServer } = await connected(world);
    const startMs = world.clock.nowMs();
    client.write(new Uint8Array(10));
    await world.wait(atServer.received(10));
    expect(world.clock.nowMs() - startMs).toBe(20);
  });

  it('takes in only so much at a time', async () => {
    const world = network({ latencyMs: 10, bytesInFlightMax: 1000 });
    const { client, atServer } = await connected(world);
    client.write(new Uint8Array(5000));
    await settle();
    expect(client.pendingBytes).toBe(4000);
    const startMs = world.clock.nowMs();
    await world.wait(atServer.received(5000));
    expect(world.clock.nowMs() - startMs).toBe(50);
  });

  it('cuts a stream where it is told to', async () => {
    const world = network({ fragment: () => 3 });
    const { client, atServer } = await connected(world);
    client.write(new Uint8Array(5));
    client.write(new Uint8Array(3));
    await world.wait(atServer.received(8));
    expect(atServer.pieces.map(({ length }) => length)).toEqual([3, 3, 2]);
  });

  it('does the same for the same seed', async () => {
    const run = async (seed: number) => {
      const world = network({ latencyMs: 1, jitterMs: 10, fragment: () => 100 }, seed);
      const { client, atServer } = await connected(world);
      client.write(new Uint8Array(1000));
      await world.wait(atServer.received(1000));
      return world.clock.nowMs();
    };
    expect(await run(1)).toBe(await run(1));
    expect(await run(2)).not.toBe(await run(1));
  });

  it('refuses when it is told to', async () => {
    const { sockets, wait } = network({ refuses: true });
    await sockets.listen(ADDRESS, () => {});
    await expect(wait(sockets.connect(ADDRESS))).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('loses what is on its way over a cut connection, and tells each end in its time', async () => {
    const world = network({ latencyMs: 5 });
    const { client, server, atClient, atServer, link } = await connected(world);
    client.write(new Uint8Array(10));
    await settle();
    link.cut({ clientMs: 30, serverMs: 100 });
    const cutMs = world.clock.nowMs();
    await world.wait(atClient.happened('closed'));
    expect(world.clock.nowMs() - cutMs).toBe(30);
    server.write(new Uint8Array(10));
    await world.wait(atServer.happened('closed'));
    expect(world.clock.nowMs() - cutMs).toBe(100);
    expect(atClient.events).toEqual(['drained', 'closed ECONNRESET']);
    expect(atServer.events).toEqual(['drained', 'closed ECONNRESET']);
    expect([atClient, atServer].map(({ bytes }) => bytes.length)).toEqual([0, 0]);
  });

  it('never tells an end of a cut that is not to know of it', async () => {
    const world = network();
    const { atClient, atServer, link } = await connected(world);
    link.cut({ serverMs: Number.POSITIVE_INFINITY });
    await world.wait(atClient.happened('closed'));
    await expect(world.wait(atServer.happened('closed'))).rejects.toThrow('stands still');
  });

  it('resets who writes to an end that is gone', async () => {
    const world = network({ latencyMs: 10 });
    const { client, server, atServer } = await connected(world);
    client.destroy();
    server.write(new Uint8Array(10));
    await world.wait(atServer.happened('closed'));
    expect(atServer.events).toEqual(['drained', 'ended', 'closed ECONNRESET']);
  });

  it('leaves an end that does not end its half', async () => {
    const world = network();
    const { client, atClient, atServer } = await connected(world);
    client.end();
    await world.wait(atServer.happened('ended'));
    const endedMs = world.clock.nowMs();
    await world.wait(atClient.happened('closed'));
    expect(world.clock.nowMs() - endedMs).toBe(LINGER_MS);
  });

  it('tells nobody that it is parted, and brings everything when it is healed', async () => {
    const world = network();
    const { client, atClient, atServer } = await connected(world);
    world.sockets.partition();
    client.write(new Uint8Array(10));
    const late = world.sockets.connect(ADDRESS, 1000);
    const refusal = expect(world.wait(late)).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    await refusal;
    expect([...atServer.events, ...atClient.events]).toEqual(['drained']);
    expect(atServer.bytes.length).toBe(0);
    world.sockets.heal();
    expect(atServer.bytes.length).toBe(10);
  });

  it('holds each delivery until it is released, if it is told to', async () => {
    const world = network();
    const { client, server, atClient, atServer } = await connected(world);
    world.sockets.conditions.holds = true;
    client.write(new Uint8Array(10));
    server.write(new Uint8Array(20));
    await settle();
    const labels = () => world.sockets.held.map(({ label }) => label);
    expect(labels()).toEqual(['client 1 sends 10 bytes', 'server 1 sends 20 bytes']);
    expect([atClient, atServer].map(({ bytes }) => bytes.length)).toEqual([0, 0]);
    world.sockets.held[1]?.release();
    expect([atClient, atServer].map(({ bytes }) => bytes.length)).toEqual([20, 0]);
    expect(labels()).toEqual(['client 1 sends 10 bytes']);
    const third = world.sockets.connect(ADDRESS);
    expect(labels()).toEqual(['client 1 sends 10 bytes', 'connect to "server:10809"']);
    world.sockets.held[1]?.release();
    expect((await third).peer).toBe('server:10809');
  });

  it('lets TLS pass, with no more bytes for the receiver of before', async () => {
    const world = network();
    const { client, server, atServer } = await connected(world);
    const keys = { type: 'psk', keys: '' } as const;
    const secured = await server.startTls({ side: 'server', ...keys });
    (await client.startTls({ side: 'client', ...keys })).write(new Uint8Array(10));
    await settle();
    world.clock.fireNext();
    const later = new SocketRecorder(secured);
    await world.wait(later.received(10));
    expect(atServer.bytes.length).toBe(0);
  });
});
