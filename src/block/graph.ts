/**
 * All nodes of one machine: opened, found, drained, exchanged, closed.
 *
 * Nodes are opened from QEMU's BlockdevOptions, a tree of them at a time:
 *
 *     { driver: 'raw', 'node-name': 'disk',        device        device edge
 *       file: { driver: 'file',                       |
 *               filename: 'disk.img' } }            disk          node, driver raw
 *                                                     |           edge of disk's driver ("file")
 *                                                  #block1        node, driver file
 *
 * A node that was opened inside the options of another closes with it. One that was opened by itself
 * stays until it is closed by name.
 */

import { BlockError } from '../base/errors.ts';
import type { Env } from '../env/env.ts';
import { drained } from './drain.ts';
import type { BlockDriver, DriverRegistry, OpenContext } from './driver.ts';
import { BlockEdge } from './edge.ts';
import { BlockNode } from './node.ts';
import {
  type BlockdevOptions,
  boolean,
  oneOf,
  optional,
  readOptions,
  required,
  string,
  withDefault,
} from './options.ts';

/** What QEMU accepts as the name of a node. */
const NAME = /^[A-Za-z][A-Za-z0-9._-]{0,30}$/;

const COMMON_OPTIONS = {
  driver: required(string),
  'node-name': optional(string),
  'read-only': withDefault(boolean, false),
  discard: withDefault(oneOf('ignore', 'unmap', 'off', 'on'), 'ignore'),
  'detect-zeroes': withDefault(oneOf('off', 'on', 'unmap'), 'off'),
};

/** What a parent inherits to a node that is opened inside its options. */
interface Inherited {
  readonly readOnly: boolean;
  readonly unmap: boolean;
}

export class BlockGraph {
  readonly #env: Env;
  readonly #drivers: DriverRegistry;
  readonly #nodes = new Map<string, BlockNode>();
  /** Nodes that were opened inside another's options. */
  readonly #inner = new WeakSet<BlockNode>();
  /** Names that are given to nodes on their way. */
  readonly #opening = new Set<string>();
  #count = 0;

  constructor(env: Env, drivers: DriverRegistry) {
    this.#env = env;
    this.#drivers = drivers;
  }

  /** All open nodes. */
  get nodes(): readonly BlockNode[] {
    return [...this.#nodes.values()];
  }

  /**
   * Opens a node and those inside its options.
   *
   * @throws {BlockError} `EINVAL` for options that are unknown, missing or wrong; otherwise what the
   *   driver failed with. Nothing is left open then.
   */
  open(options: BlockdevOptions): Promise<BlockNode> {
    return this.#open(options, { readOnly: false, unmap: false });
  }

  /** @throws {BlockError} `ENODEV` when there is no node of that name. */
  find(name: string): BlockNode {
    const node = this.#nodes.get(name);
    if (node) return node;
    throw new BlockError('ENODEV', 'find a node', `Failed to find node with node-name='${name}'`);
  }

  /** Closes a node that has no parents left, and what was opened inside its options. */
  async close(node: BlockNode): Promise<void> {
    const [parent] = node.parents;
    if (parent) {
      const reason = `node '${node.name}' is in use by '${parent.parent.name}'`;
      throw new BlockError('EBUSY', `close "${node.name}"`, reason);
    }
    const { children } = node;
    this.#nodes.delete(node.name);
    await node.close();
    for (const child of children) {
      if (this.#inner.has(child) && child.parents.size === 0) await this.close(child);
    }
  }

  /** Closes every node, parents first; devices, jobs and exports have let go of theirs before. */
  async closeAll(): Promise<void> {
    for (;;) {
      const free = this.nodes.find((node) => node.parents.size === 0);
      if (!free) return;
      await this.close(free);
    }
  }

  /**
   * Puts a filter between a node and all its parents.
   *
   * @param wrap Makes the filter's driver, given the edge down to the node.
   * @returns The filter's node.
   */
  async insertFilter(
    node: BlockNode,
    options: { readonly name: string; readonly driver: string },
    wrap: (child: BlockEdge) => BlockDriver,
  ): Promise<BlockNode> {
    this.#demandName(options.name);
    let filter: BlockNode | undefined;
    const edge = new BlockEdge(node, { name: options.name, node: () => filter });
    filter = new BlockNode({ ...node.options, ...options }, wrap(edge));
    this.#nodes.set(filter.name, filter);
    await this.replace(node, filter);
    return filter;
  }

  /** Takes a filter out again: its parents go to the node below, and it closes. */
  async removeFilter(filter: BlockNode): Promise<void> {
    const [below] = filter.children;
    if (!below) throw new TypeError(`Cannot remove a filter: "${filter.name}" stands on nothing`);
    await this.replace(filter, below);
    await this.close(filter);
  }

  /**
   * Points the parents of `from` at `to`, while both are drained.
   *
   * The edges of jobs stay with the node they have, and so do those by which `to` itself, or a node
   * under it, stands on `from`.
   */
  async replace(from: BlockNode, to: BlockNode): Promise<void> {
    await drained(from, () =>
      drained(to, () => {
        const below = descendants(to);
        for (const edge of [...from.parents]) {
          const owner = edge.parent.node?.();
          if (edge.parent.stays || (owner && below.has(owner))) continue;
          edge.redirect(to);
        }
      }),
    );
  }

  async #open(options: BlockdevOptions, inherited: Inherited): Promise<BlockNode> {
    const definition = this.#drivers[options.driver];
    if (!definition || !Object.hasOwn(this.#drivers, options.driver)) {
      throw new BlockError('EINVAL', 'open the node', `Unknown driver '${options.driver}'`);
    }
    const { options: own } = definition;
    const given = { 'read-only': inherited.readOnly, ...options };
    const values = readOptions({ ...own, ...COMMON_OPTIONS }, withDiscard(given, inherited));
    const name = values['node-name'] ?? this.#nextName();
    if (values['node-name'] !== undefined) this.#demandName(name);
    this.#opening.add(name);
    const readOnly = values['read-only'];
    const unmap = values.discard === 'unmap' || values.discard === 'on';
    const detectZeroes = values['detect-zeroes'];
    if (detectZeroes === 'unmap' && !unmap) {
      const rule = 'setting detect-zeroes to unmap is not allowed without setting discard to unmap';
      throw new BlockError('EINVAL', `open "${name}"`, rule);
    }

    let node: BlockNode | undefined;
    const edges: BlockEdge[] = [];
    const context: OpenContext = {
      env: this.#env,
      name,
      readOnly,
      unmap,
      openChild: async (_role, child) => {
        const below = await this.#openOrFind(child, { readOnly, unmap });
        const edge = new BlockEdge(below, { name, node: () => node });
        edges.push(edge);
        return edge;
      },
    };
    try {
      const driver = await definition.open(values, context);
      const common = { name, driver: options.driver, readOnly, unmap, detectZeroes };
      node = new BlockNode(common, driver);
      this.#nodes.set(name, node);
      return node;
    } catch (error) {
      await this.#closeEdges(edges);
      throw error;
    } finally {
      this.#opening.delete(name);
    }
  }

  async #openOrFind(child: BlockdevOptions | string, inherited: Inherited): Promise<BlockNode> {
    if (typeof child === 'string') return this.find(child);
    const node = await this.#open(child, inherited);
    this.#inner.add(node);
    return node;
  }

  async #closeEdges(edges: readonly BlockEdge[]): Promise<void> {
    for (const edge of edges) {
      edge.close();
      const { node } = edge;
      if (this.#inner.has(node) && node.parents.size === 0) await this.close(node);
    }
  }

  #nextName(): string {
    this.#count += 1;
    return `#block${this.#count}`;
  }

  #demandName(name: string): void {
    if (!NAME.test(name)) {
      throw new BlockError('EINVAL', 'open the node', `Invalid node-name: '${name}'`);
    }
    if (this.#nodes.has(name) || this.#opening.has(name)) {
      const reason = `Duplicate nodes with node-name='${name}'`;
      throw new BlockError('EINVAL', 'open the node', reason);
    }
  }
}

function withDiscard(given: Record<string, unknown>, { unmap }: Inherited) {
  return unmap ? { discard: 'unmap', ...given } : given;
}

/** A node and every node under it. */
function descendants(node: BlockNode, found: Set<BlockNode> = new Set()): Set<BlockNode> {
  if (found.has(node)) return found;
  found.add(node);
  for (const child of node.children) descendants(child, found);
  return found;
}
