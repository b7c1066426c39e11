import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { type Random, seededRandom } from '../../src/base/random.ts';
import { drained } from '../../src/block/drain.ts';
import { BlockEdge } from '../../src/block/edge.ts';
import type { BlockNode } from '../../src/block/node.ts';
import { Gate, type HeldRequest, PassThrough, type TestDisk } from '../support/drivers.ts';
import { TestGraph } from '../support/graph.ts';
import { settle } from '../support/settle.ts';

const BLOCK = 16;
const GUESTS = 4;
const WRITES = 12;
const CHANGES = 8;

/**
 * Guests that write to a disk while two operators change the graph under them. Every request and
 * every step of an operator waits at a gate; which goes next is drawn from a seed. The guests
 * remember what they were told, and compare it with the disk that they are on.
 */
class World {
  readonly #random: Random;
  readonly #test: TestGraph;
  readonly #steps = new Gate();
  readonly #gates: Gate[] = [this.#steps];
  readonly #filters = new Set<BlockNode>();
  readonly #guest: BlockEdge;
  #names = 0;
  #pivots = 0;

  static async open(seed: number): Promise<World> {
    const test = new TestGraph();
    const node = await test.graph.open({ driver: 'array', size: GUESTS * BLOCK });
    return new World(seed, test, node);
  }

  private constructor(seed: number, test: TestGraph, node: BlockNode) {
    this.#random = seededRandom(seed);
    this.#test = test;
    this.#steps.mode = 'held';
    this.#gates.push(this.#hold(test.disk(node.name).gate));
    this.#guest = new BlockEdge(node, { name: 'guest' });
  }

  get pivots(): number {
    return this.#pivots;
  }

  /** Runs everything to its end. @throws {Error} When something waits that nothing can end. */
  async run(): Promise<void> {
    const work = [
      ...Array.from({ length: GUESTS }, (_, index) => this.#writeAll(index)),
      this.#operate(),
      this.#operate(),
    ];
    let isOver = false;
    const end = Promise.all(work).finally(() => {
      isOver = true;
    });
    // The failure is thrown below; until then it is not forgotten.
    end.catch(() => {});
    for (await settle(); !isOver; await settle()) {
      const held = this.#gates.flatMap((gate) => gate.held);
      const request = held[this.#random.below(Math.max(held.length, 1))];
      if (!request) throw new Error('everything waits, and nothing is on its way');
      this.#move(request);
    }
    await end;
  }

  #move(request: HeldRequest): void {
    if (this.#random.below(3) === 0) request.takeEffect();
    else request.complete();
  }

  #hold(gate: Gate): Gate {
    gate.mode = 'held';
    return gate;
  }

  /** One guest: writes numbers to a block of its own, one after the other. */
  async #writeAll(index: number): Promise<void> {
    const offset = index * BLOCK;
    for (let number = 1; number <= WRITES; number += 1) {
      await this.#guest.write(offset, new Uint8Array(BLOCK).fill(number));
      const { bytes } = this.#disk(this.#bottom());
      expect(bytes.subarray(offset, offset + BLOCK), `write ${number}`).toEqual(
        new Uint8Array(BLOCK).fill(number),
      );
      const into = new Uint8Array(BLOCK);
      if (this.#random.below(2) === 0) await this.#guest.read(offset, into);
      else continue;
      expect(into, `read after write ${number}`).toEqual(new Uint8Array(BLOCK).fill(number));
    }
  }

  /** One operator: changes the graph again and again. */
  async #operate(): Promise<void> {
    const changes = [
      () => this.#insert(this.#bottom()),
      () => this.#insert(this.#guest.node),
      () => this.#remove(),
      () => this.#pivot(),
      () => drained(this.#bottom(), () => this.#step()),
    ];
    for (let round = 0; round < CHANGES; round += 1) {
      await this.#step();
      try {
        await changes[this.#random.below(changes.length)]?.();
      } catch (error) {
        // The other operator removed the filter that this one was to build upon.
        if (!(error instanceof BlockError && error.code === 'ENODEV')) throw error;
      }
    }
  }

  /** Waits until it is this operator's turn. */
  async #step(): Promise<void> {
    await this.#steps.pass({ operation: 'flush', offset: 0, length: 0 }, () => {});
  }

  async #insert(node: BlockNode): Promise<void> {
    this.#names += 1;
    const options = { name: `filter${this.#names}`, driver: 'filter' };
    const filter = await this.#test.graph.insertFilter(node, options, (child) => {
      const driver = new PassThrough(child);
      this.#gates.push(this.#hold(driver.gate));
      return driver;
    });
    this.#filters.add(filter);
  }

  async #remove(): Promise<void> {
    const filters = [...this.#filters];
    const filter = filters[this.#random.below(Math.max(filters.length, 1))];
    if (!filter) return;
    this.#filters.delete(filter);
    await this.#test.graph.removeFilter(filter);
  }

  /** Moves the guests to a new disk, copying the old one while it is drained. */
  async #pivot(): Promise<void> {
    const from = this.#bottom();
    const to = await this.#test.graph.open({ driver: 'array', size: GUESTS * BLOCK });
    const disk = this.#disk(to);
    this.#gates.push(this.#hold(disk.gate));
    await drained(from, async () => {
      // The other operator may have been faster.
      if (this.#bottom() !== from) return;
      disk.bytes.set(this.#disk(from).bytes);
      await this.#step();
      await this.#test.graph.replace(from, to);
      this.#pivots += 1;
    });
  }

  /** The node of the disk that the guests are on. */
  #bottom(): BlockNode {
    let { node } = this.#guest;
    for (let below = node.children[0]; below; below = node.children[0]) node = below;
    return node;
  }

  #disk(node: BlockNode): TestDisk {
    return this.#test.disk(node.name);
  }
}

describe('a graph that changes under load', () => {
  const seeds = Array.from({ length: 40 }, (_, index) => index + 1);

  it.each(seeds)(
    'has every acknowledged write on the disk that is current, seed %d',
    async (seed) => {
      const world = await World.open(seed);
      await world.run();
    },
  );

  it('is not a graph that never changes', async () => {
    let pivots = 0;
    for (const seed of seeds.slice(0, 10)) {
      const world = await World.open(seed);
      await world.run();
      pivots += world.pivots;
    }
    expect(pivots).toBeGreaterThan(10);
  });
});
