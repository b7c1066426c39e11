/** What the driver contract opens its disks with. */

import { expect } from 'vitest';
import type { BlockDriver, DriverRegistry } from '../../src/block/driver.ts';
import { BlockGraph } from '../../src/block/graph.ts';
import type { BlockNode } from '../../src/block/node.ts';
import type { BlockdevOptions } from '../../src/block/options.ts';
import { drivers } from '../../src/drivers/index.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { filters } from '../../src/filters/index.ts';
import { openFilesIn, withFolder } from '../support/temporary.ts';

/** A driver with options that make it work in a way of its own. */
export interface DriverConfiguration {
  readonly name: string;
  /**
   * Makes ready what a disk stands on.
   *
   * @param size What the disk is to be given room for, in bytes.
   * @param folder Is empty, and removed after the test.
   * @returns What opens the disk.
   */
  options(size: number, folder: string): BlockdevOptions | Promise<BlockdevOptions>;
  /** How large a disk becomes that was given room for `size` bytes; the same by default. */
  readonly sizeOf?: (size: number) => number;
  /** Whether what was written can be read; it does by default. */
  readonly keepsData?: boolean;
  /** Why it cannot be tested here. */
  readonly skip?: string | undefined;
}

/** An open disk. */
export interface DriverRig {
  readonly node: BlockNode;
  readonly driver: BlockDriver;
  readonly graph: BlockGraph;
  /** What it was opened with, and its name. */
  readonly options: BlockdevOptions;
}

/** Opens a disk, and checks afterwards that closing it has let go of everything. */
export async function withDisk(
  configuration: DriverConfiguration,
  size: number,
  body: (rig: DriverRig) => Promise<void>,
  common: object = {},
): Promise<void> {
  await withFolder(async (folder) => {
    const opened = new Map<string, BlockDriver>();
    const graph = new BlockGraph(nodeEnv(), observed(opened));
    const options = await configuration.options(size, folder);
    const node = await graph.open({ ...options, ...common });
    const driver = opened.get(node.name);
    if (!driver) throw new Error('the graph opened the driver under another name');
    try {
      await body({ node, driver, graph, options: { ...options, 'node-name': node.name } });
      expect(node.inFlight).toBe(0);
    } finally {
      await graph.closeAll();
    }
    expect(graph.nodes).toEqual([]);
    expect(openFilesIn(folder) ?? 0, 'files left open').toBe(0);
  });
}

/** The drivers, each keeping account of the disks that it opens, by the name of their node. */
function observed(opened: Map<string, BlockDriver>): DriverRegistry {
  const registry: DriverRegistry = { ...drivers, ...filters };
  const entries = Object.entries(registry).map(([name, definition]) => [
    name,
    {
      ...definition,
      async open(...[options, context]: Parameters<typeof definition.open>) {
        const driver = await definition.open(options, context);
        opened.set(context.name, driver);
        return driver;
      },
    },
  ]);
  return Object.fromEntries(entries);
}
