/** Memory disks over one another, and over test disks that answer when the test says so. */

import type { DriverRegistry } from '../../src/block/driver.ts';
import { defineDriver } from '../../src/block/driver.ts';
import { BlockGraph } from '../../src/block/graph.ts';
import type { BlockNode } from '../../src/block/node.ts';
import { unsigned } from '../../src/block/options.ts';
import { drivers } from '../../src/drivers/index.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { pattern, TestDisk } from './drivers.ts';

/** A graph with every driver there is, and `array` for test disks. */
export class LayerGraph {
  /** The test disks that were opened, by the names of their nodes. */
  readonly disks = new Map<string, TestDisk>();
  readonly graph: BlockGraph;

  constructor() {
    const array = defineDriver(() => ({ size: unsigned }), {
      summary: 'A disk in an array, full of a pattern',
      open: async ({ size }, { name }) => {
        const disk = new TestDisk({ size });
        disk.bytes.set(pattern(size));
        this.disks.set(name, disk);
        return disk;
      },
    });
    const registry: DriverRegistry = { ...drivers, array };
    this.graph = new BlockGraph(nodeEnv(), registry);
  }

  /** Opens a memory disk over a test disk called `base`. */
  async openOver(options: object, baseSize: number): Promise<{ top: BlockNode; base: TestDisk }> {
    const backing = { driver: 'array', 'node-name': 'base', size: baseSize };
    const top = await this.graph.open({
      driver: 'memory',
      'node-name': 'top',
      discard: 'unmap',
      ...options,
      backing,
    });
    const base = this.disks.get('base');
    if (!base) throw new Error('the test disk was not opened');
    return { top, base };
  }
}

/** @returns All bytes of a disk, or those of a range. */
export async function bytesOf(node: BlockNode, offset = 0, end = node.size): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - offset).fill(0xcc);
  await node.read(offset, bytes);
  return bytes;
}

/** @returns The first bytes of `bytes`, and zeroes after them. */
export function padded(bytes: Uint8Array, size: number): Uint8Array {
  const result = new Uint8Array(size);
  result.set(bytes.subarray(0, size));
  return result;
}
