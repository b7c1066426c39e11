/**
 * Cases against the NBD client, each one a server made of a seed: it serves a disk as it should,
 * but something happens to what it says, in the handshake or later, and the network cuts it up.
 *
 * Whatever it says: a disk is opened or is not, requests complete or fail with an error of disks
 * once the server has hung up, and closing ends it all; and a disk from a good server alongside
 * reads what was written to it.
 */

import { assert } from '../../src/base/assert.ts';
import { BlockError } from '../../src/base/errors.ts';
import { type Random, seededRandom } from '../../src/base/random.ts';
import type { BlockNode } from '../../src/block/node.ts';
import type { Connection, SocketAddress } from '../../src/env/sockets.ts';
import { NbdRig, ScriptedServer } from '../support/nbd-rig.ts';
import { drawBytes, mutate, pick } from './mutations.ts';
import type { Subject } from './subject.ts';

const SIZE = 64 * 1024;
const LENGTH = 1024;
const BAD: SocketAddress = { type: 'unix', path: '/bad' };
/** How long a bad server is waited for before it hangs up, in milliseconds. */
const PATIENCE_MS = 20;
const REQUESTS_MAX = 8;
/** One in so many of the server's words is changed. */
const RATES = [1, 4, 10, 10, 20] as const;
/** After so many cases there is a new network: a network remembers all of its connections. */
const NETWORK_CASES = 200;

/** A client, and whether the cases come far. */
export interface ClientSubject extends Subject {
  /** How many requests of cases were carried out, and how many failed. */
  readonly completed: number;
  readonly failed: number;
}

/** @returns A client that has a disk from a good server. */
export async function openClientFuzz(): Promise<ClientSubject> {
  let [cases, completed, failed] = [0, 0, 0];
  let good = await GoodDisk.open();
  return {
    name: 'client',
    get completed() {
      return completed;
    },
    get failed() {
      return failed;
    },
    async run(seed) {
      const random = seededRandom(seed);
      cases += 1;
      if (cases % NETWORK_CASES === 0) {
        await good.close();
        good = await GoodDisk.open();
      }
      const results = await runAgainst(good, random);
      const done = results.filter((isDone) => isDone).length;
      completed += done;
      failed += results.length - done;
    },
    close: () => good.close(),
  };
}

/** Opens a disk from a bad server and uses it. @returns Which requests were carried out. */
async function runAgainst(good: GoodDisk, random: Random): Promise<readonly boolean[]> {
  const { rig } = good;
  const pieces = pick(random, [1, 2, 50]);
  rig.sockets.conditions.fragment = (waiting) => Math.ceil(waiting / pieces);
  const server = new ScriptedServer({ size: SIZE, extended: random.below(2) === 0 });
  const rate = pick(random, RATES);
  const listener = await rig.sockets.listen(BAD, (connection) =>
    server.accept(distort(connection, random, rate)),
  );
  let node: BlockNode | undefined;
  const opening = succeeds(async () => {
    node = await rig.connect({ server: BAD, 'node-name': 'bad' });
  });
  await rig.clock.advance(PATIENCE_MS);
  if (!node) server.drop();
  await rig.until(opening);
  const requests = Array.from({ length: random.below(REQUESTS_MAX) }, () =>
    node ? succeeds(drawRequest(node, random)) : false,
  );
  await good.check(random);
  await rig.clock.advance(PATIENCE_MS);
  await listener.close();
  server.drop();
  const results = await rig.until(Promise.all(requests));
  if (node) await rig.until(rig.graph.close(node));
  return results;
}

/** @returns Whether it did; errors of disks are the only ones there may be. */
async function succeeds(action: () => unknown): Promise<boolean> {
  try {
    await action();
    return true;
  } catch (error) {
    if (error instanceof BlockError) return false;
    throw error;
  }
}

function drawOffset(random: Random): number {
  return 512 * random.below((SIZE - LENGTH) / 512 + 1);
}

function drawRequest(node: BlockNode, random: Random): () => unknown {
  const [offset, bytes] = [drawOffset(random), drawBytes(random, LENGTH)];
  return pick<() => unknown>(random, [
    () => node.read(offset, bytes),
    () => node.read(offset, bytes),
    () => node.write(offset, bytes),
    () => node.writeZeroes(offset, LENGTH),
    () => node.discard(offset, LENGTH),
    () => node.blockStatus(offset, LENGTH),
    () => node.flush(),
  ]);
}

/** A connection on which something happens to one in `rate` of the words of its owner. */
function distort(connection: Connection, random: Random, rate: number): Connection {
  return {
    peer: connection.peer,
    get pendingBytes() {
      return connection.pendingBytes;
    },
    receive: (receiver) => connection.receive(receiver),
    pause: () => connection.pause(),
    resume: () => connection.resume(),
    write(bytes, sent) {
      connection.write(random.below(rate) === 0 ? mutate(bytes, random) : bytes, sent);
    },
    flush: () => {},
    end: () => connection.end(),
    destroy: () => connection.destroy(),
    startTls: (options) => connection.startTls(options),
  };
}

/** A disk from a server that says what it should, and what was written to it. */
class GoodDisk {
  readonly rig: NbdRig;
  readonly #node: BlockNode;
  readonly #written = new Uint8Array(SIZE);

  private constructor(rig: NbdRig, node: BlockNode) {
    this.rig = rig;
    this.#node = node;
  }

  static async open(): Promise<GoodDisk> {
    const rig = new NbdRig({ size: SIZE });
    return new GoodDisk(rig, await rig.open({ 'node-name': 'good' }));
  }

  /** Writes something and reads something, and compares. */
  async check(random: Random): Promise<void> {
    const [data, offset] = [drawBytes(random, LENGTH), drawOffset(random)];
    await this.rig.until(this.#node.write(offset, data));
    this.#written.set(data, offset);
    const [read, from] = [new Uint8Array(LENGTH), drawOffset(random)];
    await this.rig.until(this.#node.read(from, read));
    const expected = this.#written.subarray(from, from + LENGTH);
    assert(Buffer.compare(read, expected) === 0, 'the good disk has what was written');
  }

  close(): Promise<void> {
    return this.rig.close();
  }
}
