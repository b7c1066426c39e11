import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { nodeEnv } from '../../src/env/node.ts';
import type { SocketAddress } from '../../src/env/sockets.ts';
import { type Disk, openDisk } from '../../src/index.ts';
import { Machine } from '../../src/machine/machine.ts';
import { SimSockets } from '../../src/sim/sockets.ts';
import { FakeClock } from '../support/fake-clock.ts';

const MiB = 1024 * 1024;
const SIZE = 8 * MiB;
const ADDRESS: SocketAddress = { type: 'unix', path: '/server' };
const TARGET = {
  driver: 'nbd',
  server: ADDRESS,
  export: 'copy',
  'reconnect-delay': 60,
  'multi-conn': 3,
};
const STEPS_MAX = 100_000;

/** A network with a server of one disk, and a disk that is to be copied there. */
async function world(seed: number) {
  const clock = new FakeClock();
  const random = seededRandom(seed);
  const sockets = new SimSockets({ clock, random }, { latencyMs: 1, jitterMs: 3 });
  const env = { ...nodeEnv(), clock, random, sockets };
  const server = new Machine(env);
  await server.graph.open({ driver: 'memory', size: SIZE, 'node-name': 'copy' });
  await server.exports.start({ address: ADDRESS });
  server.exports.add({ id: 'copy', nodeName: 'copy', writable: true });
  const disk = await openDisk({ driver: 'memory', size: SIZE }, { env });
  const bytes = new Uint8Array(SIZE);
  random.fill(bytes);
  await disk.write(0, bytes);
  return { clock, random, sockets, server, disk, bytes };
}

type World = Awaited<ReturnType<typeof world>>;

/** Lets time pass until something has happened, and `each` meanwhile. */
async function until<T>({ clock }: World, result: Promise<T>, each = () => {}): Promise<T> {
  let isOver = false;
  const end = () => {
    isOver = true;
  };
  result.then(end, end);
  for (let step = 0; !isOver; step += 1) {
    if (step > STEPS_MAX) throw new Error('It does not come to an end');
    each();
    await clock.advance(2);
  }
  return result;
}

/** Cuts some connections now and then, and parts the two for a while. */
function disturb({ sockets, random, clock }: World, cuts: { count: number }): () => void {
  return () => {
    if (random.below(20) > 0) return;
    for (const link of sockets.links) {
      if (random.below(3) === 0) continue;
      const clientMs = random.below(20);
      const serverMs = random.below(20);
      link.cut({ clientMs, serverMs });
      cuts.count += 1;
    }
    if (random.below(10) > 0) return;
    sockets.partition();
    clock.after(random.below(2000), () => sockets.heal());
  };
}

/** What the disk holds that the server serves. */
async function copyOf({ server }: World): Promise<Uint8Array> {
  const found = new Uint8Array(SIZE);
  await server.graph.find('copy').read(0, found);
  return found;
}

describe('mirror to an NBD server whose connections are cut again and again', () => {
  it.each([1, 2, 3, 4])('ends with an identical target: seed %i', async (seed) => {
    const here = await world(seed);
    const { disk, random, bytes } = here;
    const mirror = await until(here, disk.mirror(TARGET, { speed: 4 * MiB, granularity: 4096 }));
    const cuts = { count: 0 };
    const cut = disturb(here, cuts);
    const guest = guestOf(disk, bytes, random);
    await until(here, mirror.ready, () => {
      cut();
      guest.write();
    });
    for (let step = 0; step < 200; step += 1) {
      cut();
      guest.write();
      await here.clock.advance(2);
    }
    await until(here, guest.settled(), cut);
    await until(here, mirror.finish(), cut);
    expect(cuts.count).toBeGreaterThan(10);
    expect(Buffer.compare(await copyOf(here), bytes)).toBe(0);
    await until(here, disk.close());
    await until(here, here.server.close());
    expect(here.sockets.links).toEqual([]);
  });
});

/** Writes sectors at random, and remembers them. */
function guestOf(disk: Disk, bytes: Uint8Array, random: World['random']) {
  const writes = new Set<Promise<void>>();
  return {
    write() {
      if (random.below(3) > 0) return;
      const offset = 512 * random.below(SIZE / 512);
      const data = new Uint8Array(512);
      random.fill(data);
      bytes.set(data, offset);
      writes.add(disk.write(offset, data));
    },
    settled: () => Promise.all(writes),
  };
}
