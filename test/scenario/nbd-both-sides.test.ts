/** Our client on our server, over networks that cut and delay: the disk must be as written. */

import { describe, expect, it } from 'vitest';
import { type Random, seededRandom } from '../../src/base/random.ts';
import type { BlockNode } from '../../src/block/node.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { Machine } from '../../src/machine/machine.ts';
import type { NetworkConditions } from '../../src/sim/socket-lane.ts';
import { SimSockets } from '../../src/sim/sockets.ts';
import { pattern } from '../support/drivers.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { settle } from '../support/settle.ts';

const SIZE = 1024 * 1024;
const ADDRESS = { type: 'unix', path: '/server' } as const;

const CONDITIONS: Readonly<Record<string, (random: Random) => Partial<NetworkConditions>>> = {
  quick: () => ({}),
  'slow and uneven': () => ({ latencyMs: 2, jitterMs: 3 }),
  'in small pieces': (random) => ({ fragment: () => 1 + random.below(3000) }),
  narrow: () => ({ latencyMs: 1, bytesInFlightMax: 5000 }),
};

/** A machine that serves a disk, and one whose disk that is. */
class BothSides {
  readonly clock = new FakeClock();
  readonly random: Random;
  readonly sockets: SimSockets;
  readonly server: Machine;
  readonly client: Machine;
  /** What the disk must read as. */
  readonly expected = new Uint8Array(SIZE);

  constructor(seed: number, conditions: (random: Random) => Partial<NetworkConditions>) {
    const { clock } = this;
    this.random = seededRandom(seed);
    this.sockets = new SimSockets({ clock, random: this.random }, conditions(this.random));
    const env = { ...nodeEnv(), clock, random: this.random, sockets: this.sockets };
    this.server = new Machine(env);
    this.client = new Machine(env);
  }

  async open(options: Readonly<Record<string, unknown>> = {}): Promise<BlockNode> {
    const disk = { driver: 'memory', size: SIZE, 'node-name': 'disk', discard: 'unmap' };
    await this.server.graph.open(disk);
    await this.server.exports.start({ address: ADDRESS });
    this.server.exports.add({ id: 'a', nodeName: 'disk', name: '', writable: true });
    const remote = { driver: 'nbd', server: ADDRESS, discard: 'unmap', ...options };
    return this.run(this.client.graph.open(remote));
  }

  /** Lets time pass until that has ended. */
  async run<T>(promise: Promise<T>): Promise<T> {
    let isDone = false;
    const done = () => {
      isDone = true;
    };
    promise.then(done, done);
    for (let steps = 0; !isDone; steps += 1) {
      if (steps > 100_000) throw new Error('Nothing comes of waiting');
      await settle();
      if (!isDone) await this.clock.advance(1);
    }
    return promise;
  }

  /** A guest with a part of the disk to itself. */
  async guest(node: BlockNode, start: number, length: number, count: number): Promise<void> {
    for (let done = 0; done < count; done += 1) {
      const offset = start + this.random.below(length);
      const size = 1 + this.random.below(Math.min(start + length - offset, 70_000));
      const part = this.expected.subarray(offset, offset + size);
      const kind = this.random.below(4);
      if (kind === 0) {
        part.set(pattern(size, this.random.below(1000)));
        await node.write(offset, part.slice(), { forceUnitAccess: this.random.below(2) === 0 });
      } else if (kind === 1) {
        part.fill(0);
        await node.writeZeroes(offset, size, { mayUnmap: true });
      } else if (kind === 2) {
        await node.flush();
      } else {
        const into = new Uint8Array(size);
        await node.read(offset, into);
        expect(Buffer.compare(into, part)).toBe(0);
      }
    }
  }

  async close(): Promise<void> {
    await this.run(this.client.close());
    await this.run(this.server.close());
    expect(this.clock.timers).toBe(0);
  }
}

async function guests(world: BothSides, node: BlockNode, count: number): Promise<void> {
  const length = SIZE / 4;
  const parts = [0, 1, 2, 3].map((part) => world.guest(node, part * length, length, count));
  await world.run(Promise.all(parts).then(() => {}));
  const disk = new Uint8Array(SIZE);
  await world.server.graph.find('disk').read(0, disk);
  expect(Buffer.compare(disk, world.expected)).toBe(0);
}

describe.each(Object.entries(CONDITIONS))('an NBD disk over a network that is %s', (_, make) => {
  it.each([1, 2])('is as its guests have written it (seed %i)', async (seed) => {
    const world = new BothSides(seed, make);
    const node = await world.open();
    await guests(world, node, 60);
    const statistics = world.server.exports.server?.exports[0]?.statistics();
    expect(statistics?.write.errors).toBe(0);
    await world.close();
  });

  it('is as its guests have written it, when connections are cut', async () => {
    const world = new BothSides(3, make);
    const node = await world.open({ 'reconnect-delay': 60 });
    let cuts = 0;
    const cutting = (async () => {
      for (; cuts < 5; cuts += 1) {
        await new Promise<void>((resolve) => world.clock.after(20, resolve));
        for (const link of world.sockets.links) link.cut({ serverMs: 3 });
      }
    })();
    await guests(world, node, 60);
    await world.run(cutting);
    expect(cuts).toBe(5);
    await world.close();
    expect(world.server.exports.query()).toEqual([]);
  });
});
