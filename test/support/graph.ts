/** A graph of test disks, and what was opened and closed in it. */

import type { BlockDriver, DriverRegistry, OpenContext } from '../../src/block/driver.ts';
import { defineDriver } from '../../src/block/driver.ts';
import { BlockGraph } from '../../src/block/graph.ts';
import { unsigned } from '../../src/block/options.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { optional } from '../../src/wire/qapi/composites.ts';
import { PassThrough, TestDisk } from './drivers.ts';

export class TestGraph {
  readonly env = nodeEnv();
  /** The disks that were opened with the driver `array`, by the names of their nodes. */
  readonly disks = new Map<string, TestDisk>();
  /** What drivers were opened with, by the names of their nodes. */
  readonly contexts = new Map<string, OpenContext>();
  /** What was opened and closed, in order: `+disk`, `-disk`. */
  readonly log: string[] = [];
  /** Awaited by the driver `array` when it opens, with the name of the node. */
  beforeOpen: (name: string) => Promise<void> | void = () => {};
  /** Awaited by every driver when it closes. */
  beforeClose: (name: string) => Promise<void> | void = () => {};
  readonly drivers: DriverRegistry;
  readonly graph: BlockGraph;

  constructor() {
    this.drivers = this.#makeDrivers();
    this.graph = new BlockGraph(this.env, this.drivers);
  }

  /** The disk of a node that the driver `array` was opened for. */
  disk(name: string): TestDisk {
    const disk = this.disks.get(name);
    if (!disk) throw new Error(`there is no disk "${name}"`);
    return disk;
  }

  #makeDrivers(): DriverRegistry {
    return {
      /** A disk by itself. */
      array: defineDriver(() => ({ size: unsigned }), {
        summary: 'A disk in an array',
        open: async ({ size }, context) => {
          await this.beforeOpen(context.name);
          const disk = new TestDisk({ size });
          this.disks.set(context.name, disk);
          return this.#watch(context, disk);
        },
      }),
      /** A disk that is another one, or of which only the first of two is used. */
      over: defineDriver(({ node }) => ({ file: node, second: optional(node) }), {
        summary: 'The disk below',
        open: async ({ file, second }, context) => {
          const child = await context.openChild('file', file);
          const others = second === undefined ? [] : [await context.openChild('second', second)];
          const driver = new PassThrough(child);
          return this.#watch(context, driver, [child, ...others]);
        },
      }),
      /** Opens what is below it, both at once, and fails. */
      failing: defineDriver(({ node }) => ({ file: node, second: optional(node) }), {
        summary: 'Nothing',
        open: async ({ file, second }, context) => {
          const both = second === undefined ? [file] : [file, second];
          await Promise.all(both.map((options) => context.openChild('file', options)));
          throw new Error('the driver failed');
        },
      }),
    };
  }

  /** Writes down when a driver is opened and closed. */
  #watch(context: OpenContext, driver: BlockDriver, children = driver.children): BlockDriver {
    const { name } = context;
    this.contexts.set(name, context);
    this.log.push(`+${name}`);
    const close = async () => {
      this.log.push(`-${name}`);
      await this.beforeClose(name);
      await driver.close();
    };
    return new Proxy(driver, {
      get: (target, property) => {
        if (property === 'close') return close;
        if (property === 'children') return children;
        const value: unknown = Reflect.get(target, property, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }
}
