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
 * A node that was opened inside the options of another closes with it. One that was opened by
 * itself stays until it is closed by name.
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
  type NodeOptions,
  oneOf,
  optional,
  readOptions,
  required,
  string,
  withDefault,
} from './options.ts';
import type { EdgeParent, ParentEdge } from './parent.ts';

/** What QEMU accepts as the name of a node. */
const NAME = /^[A-Za-z][A-Za-z0-9._-]*$/;
const NAME_LENGTH_MAX = 31;

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
  /** Where its options stand in those of the whole tree, for messages: `file.`. */
  readonly prefix: string;
}

export class BlockGraph {
  readonly #env: Env;
  readonly #drivers: DriverRegistry;
  readonly #nodes = new Map<string, BlockNode>();
  /** Nodes that were opened inside another's options. */
  readonly #inner = new WeakSet<BlockNode>();
  /** Names of nodes that are being opened or closed. */
  readonly #reserved = new Set<string>();
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
   * @throws {BlockError} `EINVAL` for options that are unknown, missing or wrong; otherwise what
   *   the driver failed with. Nothing is left open then.
   */
  open(options: BlockdevOptions): Promise<BlockNode> {
    const inherited = { readOnly: false, unmap: false, prefix: '' };
    return this.#open(options, inherited, (node) => node);
  }

  /** @throws {BlockError} `ENODEV` when there is no node of that name. */
  find(name: string): BlockNode {
    const node = this.#nodes.get(name);
    if (node) return node;
    throw new BlockError('ENODEV', 'find a node', `Failed to find node with node-name='${name}'`);
  }

  /**
   * Where a new user of a node comes in: above the filters that jobs have put over it unasked, for
   * to users those are part of the node.
   */
  entryOf(node: BlockNode): BlockNode {
    for (const { owner } of node.parents) {
      if (owner?.options.implicit && owner.filtered === node) return this.entryOf(owner);
    }
    return node;
  }

  /**
   * Closes a node that has no parents left, and what was opened inside its options.
   *
   * @throws {BlockError} `EBUSY` when somebody stands on it, `ENODEV` when it is closed already;
   *   else what first failed to close: all is closed then that can be.
   */
  async close(node: BlockNode): Promise<void> {
    demandOpen(node);
    const [parent] = node.parents;
    if (parent) throw inUse(node, parent);
    const [failure] = await this.#closeTree(node);
    if (failure !== undefined) throw failure;
  }

  /**
   * Closes every node, parents first; devices, jobs and exports have let go of theirs before.
   *
   * @throws {BlockError} What first failed to close: all is closed then that can be.
   */
  async closeAll(): Promise<void> {
    const failures: unknown[] = [];
    for (;;) {
      const free = this.nodes.find((node) => node.parents.size === 0);
      if (!free) break;
      failures.push(...(await this.#closeTree(free)));
    }
    if (failures.length > 0) throw failures[0];
  }

  /**
   * Puts a filter between a node and all its parents.
   *
   * @param options The filter's name, or none for one that no user gave.
   * @param wrap Makes the filter's driver, given the edge down to the node.
   * @returns The filter's node.
   * @throws {BlockError} `EINVAL` for a name that is taken or no name, `ENODEV` when the node was
   *   closed meanwhile.
   */
  async insertFilter(
    node: BlockNode,
    { name: given, driver }: { readonly name?: string | undefined; readonly driver: string },
    wrap: (child: BlockEdge) => BlockDriver,
  ): Promise<BlockNode> {
    if (given !== undefined) this.#demandName(given);
    const name = given ?? this.#nextName();
    const options = { name, driver, implicit: given === undefined };
    this.#reserved.add(name);
    try {
      // All in one step: between two, another filter or the end of the node could come.
      return await drained(node, () => {
        demandOpen(node);
        const parents = [...node.parents];
        const filter = filterOver(node, options, wrap);
        this.#nodes.set(name, filter);
        for (const edge of parents) if (!edge.parent.stays) edge.redirect(filter);
        return filter;
      });
    } finally {
      this.#reserved.delete(name);
    }
  }

  /**
   * Takes a filter out again: its parents go to the node below, and it closes.
   *
   * @throws {BlockError} `EBUSY` when a job stands on it and `ENODEV` when it is closed already,
   *   nothing having changed; else what it failed to close with.
   */
  async removeFilter(filter: BlockNode): Promise<void> {
    const [failure] = await drained(filter, () => {
      demandOpen(filter);
      // Looked at only now, for the node below may have changed while this waited.
      const [below] = filter.children;
      if (!below) throw new TypeError(`Cannot remove a filter: "${filter.name}" stands on nothing`);
      const parents = [...filter.parents];
      const job = parents.find((edge) => edge.parent.stays);
      if (job) throw inUse(filter, job);
      for (const edge of parents) edge.redirect(below);
      // Under the drain: a cache has yet to bring to the node below what its parents will look for.
      return this.#closeTree(filter);
    });
    if (failure !== undefined) throw failure;
  }

  /**
   * Points the parents of `from` at `to`, while both are drained.
   *
   * The edges of jobs stay with the node they have, and so do those by which `to` itself, or a node
   * under it, stands on `from`.
   *
   * @throws {BlockError} `ENODEV` when one of them was closed meanwhile, `EBUSY` when a parent of
   *   one excludes a parent of the other. Nothing has changed then.
   */
  async replace(from: BlockNode, to: BlockNode): Promise<void> {
    await drained(from, () =>
      drained(to, () => {
        demandOpen(from);
        demandOpen(to);
        const below = descendants(to);
        const moving = [...from.parents].filter(
          ({ parent, owner }) => !parent.stays && !(owner && below.has(owner)),
        );
        // All of them or none.
        for (const edge of moving) to.demandRoomFor(edge);
        for (const edge of moving) edge.redirect(to);
      }),
    );
  }

  /**
   * Puts another node, or none, behind a node. One that was opened inside its options closes.
   *
   * @throws {BlockError} `ENOTSUP` when its driver has no backing, `EINVAL` when the other stands
   *   on the node itself, `ENODEV` when one of them was closed meanwhile.
   */
  async setBacking(node: BlockNode, backing: BlockNode | undefined): Promise<void> {
    const before = await drained(node, () => {
      demandOpen(node);
      if (backing) demandOpen(backing);
      if (backing && descendants(backing).has(node)) {
        throw refuse(
          `Making '${backing.name}' a backing child of '${node.name}' would create a cycle`,
        );
      }
      const { backing: former } = node;
      node.setBacking(backing && new BlockEdge(backing, { name: node.name }));
      return former;
    });
    if (before) await this.#closeInner(before);
  }

  /** @param use Called as soon as the node is there, before anybody else can find it. */
  async #open<T>(
    options: BlockdevOptions,
    inherited: Inherited,
    use: (node: BlockNode) => T,
  ): Promise<T> {
    const { definition, own, common } = this.#check(options, inherited);
    const { name, readOnly, unmap } = common;
    this.#reserved.add(name);
    const opening: Promise<BlockEdge>[] = [];
    const openChild = (role: string, child: BlockdevOptions | string) => {
      const prefix = `${inherited.prefix}${role}.`;
      // A disk only reads what is behind it, and discards nothing there.
      const passed = role === 'backing' ? { readOnly: true, unmap: false } : { readOnly, unmap };
      const edge = this.#openChild(role, child, { name }, { ...passed, prefix });
      opening.push(edge);
      return edge;
    };
    try {
      const context: OpenContext = { env: this.#env, name, readOnly, unmap, openChild };
      const node = new BlockNode(common, await definition.open(own, context));
      this.#nodes.set(name, node);
      return use(node);
    } catch (error) {
      await this.#closeChildren(opening);
      throw error;
    } finally {
      this.#reserved.delete(name);
    }
  }

  async #openChild(
    role: string,
    child: BlockdevOptions | string,
    parent: EdgeParent,
    inherited: Inherited,
  ): Promise<BlockEdge> {
    if (child === parent.name) {
      throw refuse(`Making '${child}' a ${role} child of '${child}' would create a cycle`);
    }
    if (typeof child === 'string') return new BlockEdge(this.find(child), parent);
    return this.#open(child, inherited, (node) => {
      this.#inner.add(node);
      return new BlockEdge(node, parent);
    });
  }

  /** Closes what a driver opened that then failed, once all of it has been opened. */
  async #closeChildren(opening: readonly Promise<BlockEdge>[]): Promise<void> {
    for (const result of await Promise.allSettled(opening)) {
      if (result.status === 'rejected') continue;
      result.value.close();
      // The driver's failure is the one to tell of.
      await this.#closeInner(result.value.node);
    }
  }

  /** Closes a node and what was opened inside its options. @returns What failed to close. */
  async #closeTree(node: BlockNode): Promise<readonly unknown[]> {
    const { name, children } = node;
    const failures: unknown[] = [];
    this.#nodes.delete(name);
    this.#reserved.add(name);
    try {
      await node.close();
    } catch (error) {
      failures.push(error);
    } finally {
      this.#reserved.delete(name);
    }
    for (const child of children) failures.push(...(await this.#closeInner(child)));
    return failures;
  }

  /** Closes a node that was opened inside another's options, if nobody stands on it any more. */
  async #closeInner(node: BlockNode): Promise<readonly unknown[]> {
    const isUnused = node.parents.size === 0 && !node.isClosed;
    return isUnused && this.#inner.has(node) ? this.#closeTree(node) : [];
  }

  /** Finds the driver and checks the options of one node. */
  #check(options: BlockdevOptions, inherited: Inherited) {
    const { prefix } = inherited;
    const driver = required(string)(options.driver, `${prefix}driver`);
    const definition = Object.hasOwn(this.#drivers, driver) ? this.#drivers[driver] : undefined;
    if (!definition) throw refuse(`Unknown driver '${driver}'`);
    const own = readOptions(
      { ...definition.options, ...COMMON_OPTIONS },
      { ...defaults(inherited), ...options },
      prefix,
    );
    const unmap = own.discard === 'unmap' || own.discard === 'on';
    const { 'node-name': given, 'read-only': readOnly, 'detect-zeroes': detectZeroes } = own;
    if (detectZeroes === 'unmap' && !unmap) {
      const rule = 'setting detect-zeroes to unmap is not allowed';
      throw refuse(`${rule} without setting discard operation to unmap`);
    }
    if (given !== undefined) this.#demandName(given);
    const name = given ?? this.#nextName();
    return { definition, own, common: { name, driver, readOnly, unmap, detectZeroes } };
  }

  #nextName(): string {
    this.#count += 1;
    return `#block${this.#count}`;
  }

  #demandName(name: string): void {
    if (!NAME.test(name)) throw refuse(`Invalid node-name: '${name}'`);
    if (this.#nodes.has(name) || this.#reserved.has(name)) {
      throw refuse(`Duplicate nodes with node-name='${name}'`);
    }
    if (name.length > NAME_LENGTH_MAX) throw refuse('Node name too long');
  }
}

function defaults({ readOnly, unmap }: Inherited) {
  return { 'read-only': readOnly, discard: unmap ? 'unmap' : 'ignore' };
}

function refuse(reason: string): BlockError {
  return new BlockError('EINVAL', 'open the node', reason);
}

function demandOpen(node: BlockNode): void {
  if (!node.isClosed) return;
  throw new BlockError('ENODEV', `use "${node.name}"`, 'the node is closed');
}

function inUse(node: BlockNode, { parent }: ParentEdge): BlockError {
  const reason = `node '${node.name}' is in use by '${parent.name}'`;
  return new BlockError('EBUSY', `close "${node.name}"`, reason);
}

/** Makes the node of a filter, on which nobody stands yet. */
function filterOver(
  node: BlockNode,
  options: Pick<NodeOptions, 'name' | 'driver' | 'implicit'>,
  wrap: (child: BlockEdge) => BlockDriver,
): BlockNode {
  const edge = new BlockEdge(node, { name: options.name });
  try {
    // The node below looks for zeroes; once is enough.
    return new BlockNode({ ...node.options, detectZeroes: 'off', ...options }, wrap(edge));
  } catch (error) {
    edge.close();
    throw error;
  }
}

/** A node and every node under it. */
function descendants(node: BlockNode, found: Set<BlockNode> = new Set()): Set<BlockNode> {
  if (found.has(node)) return found;
  found.add(node);
  for (const child of node.children) descendants(child, found);
  return found;
}
