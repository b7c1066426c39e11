/**
 * All nodes of one machine: opened, found, drained, exchanged, closed.
 *
 * Nodes are opened from QEMU's BlockdevOptions, a tree of them at a time:
 *
 *     { driver: 'raw', 'node-name': 'disk',        device        device edge
 *       file: { driver: 'file',                       |
 *               filename: 'disk.img' } }            disk          node, driver raw
 *                                                     |           edge of disk's driver ("file")
 *                                                  #block001      node, driver file
 *
 * A node that was opened inside the options of another closes with it. One that was opened by
 * itself stays until it is closed by name.
 */

import { BlockError } from '../base/errors.ts';
import type { Env } from '../env/env.ts';
import { type ObjectType, wholeOf } from '../wire/qapi/type.ts';
import type { JsonObject } from '../wire/qmp/json-value.ts';
import { subtreeOf } from './allocation.ts';
import { openAtLeast } from './auto-read-only.ts';
import { putBehind } from './backing.ts';
import { drained } from './drain.ts';
import type { BlockDriver, DriverRegistry } from './driver.ts';
import { BlockEdge } from './edge.ts';
import { filterOver } from './filter-node.ts';
import { BEHIND, demandDetectable, type Inherited, passedOn, USUAL } from './inheritance.ts';
import { BlockNode } from './node.ts';
import { NodeNames } from './node-names.ts';
import {
  type BlockdevOptions,
  type BlockdevRef,
  blockdevOptionsOf,
  type CheckedOptions,
  refuse,
} from './options.ts';
import type { EdgeParent, ParentEdge } from './parent.ts';
import { reopenNodes } from './reopen.ts';

export class BlockGraph {
  readonly #env: Env;
  readonly #drivers: DriverRegistry;
  readonly #nodes = new Map<string, BlockNode>();
  readonly names = new NodeNames((name) => this.#nodes.has(name));
  /** Nodes that close when nobody stands on them, and the edges they were opened for, if any. */
  readonly #dependent = new WeakMap<BlockNode, BlockEdge | undefined>();

  #optionsType: ObjectType<CheckedOptions> | undefined;

  constructor(env: Env, drivers: DriverRegistry) {
    this.#env = env;
    this.#drivers = drivers;
  }

  /** What the options of a node are, by the drivers that there are. */
  get optionsType(): ObjectType<CheckedOptions> {
    this.#optionsType ??= blockdevOptionsOf(this.#drivers);
    return this.#optionsType;
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
  async open(options: BlockdevOptions): Promise<BlockNode> {
    // What a program gives may be no JSON; then it is refused as of the wrong type.
    return this.openChecked(this.optionsType.read(options as JsonObject, wholeOf('json')));
  }

  /** As {@link BlockGraph.open}, with options that were checked by {@link optionsType}. */
  openChecked(options: CheckedOptions, { isGuessed = false } = {}): Promise<BlockNode> {
    return this.#open(options, { ...USUAL, isGuessed }, (node) => node);
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

  /** Whether a node stays until it is closed by name. */
  isOwned(node: BlockNode): boolean {
    return !this.#dependent.has(node);
  }

  /** From now on a node closes by itself when nobody stands on it, once somebody does. */
  disown(node: BlockNode): void {
    this.#dependent.set(node, this.#dependent.get(node));
  }

  /** Closes what depends on others that have left; what fails to close is gone as well. */
  async closeUnused(): Promise<void> {
    for (const node of this.nodes) await this.#closeIfUnused(node);
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
    if (given !== undefined) this.names.demand(given);
    const name = given ?? this.names.next();
    const options = { name, driver, implicit: given === undefined };
    this.names.reserve(name);
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
      this.names.release(name);
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
        const below = subtreeOf(to);
        const moving = [...from.parents].filter(
          ({ parent, owner }) => !parent.stays && !(owner && below.has(owner)),
        );
        const moved: ParentEdge[] = [];
        try {
          for (const edge of moving) {
            edge.redirect(to);
            moved.push(edge);
          }
        } catch (error) {
          // All of them or none.
          for (const edge of moved.reverse()) edge.redirect(from);
          throw error;
        }
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
      if (backing && subtreeOf(backing).has(node)) {
        throw refuse(
          `Making '${backing.name}' a backing child of '${node.name}' would create a cycle`,
        );
      }
      const { backing: former } = node;
      putBehind(node, backing && new BlockEdge(backing, { name: node.name, role: 'backing' }));
      return former;
    });
    if (before) await this.#closeIfUnused(before);
  }

  /**
   * Gives nodes other options while they are in use: all of them, or none.
   *
   * What is not given is as it is by default, and not as it was, but for `discard`.
   *
   * @param options Those of each, with its name. Children that were opened inside the options of
   *   one are reopened with it; a child that another node is named for is replaced.
   * @throws {BlockError} `EINVAL` for what cannot change, `ENODEV` for a node that is not there,
   *   `ENOTSUP` for one that cannot be reopened, `EPERM` and `EBUSY` for what others on it do not
   *   allow; else what a driver failed with. Nothing has changed then.
   */
  reopen(options: readonly BlockdevOptions[]): Promise<void> {
    const read = (each: BlockdevOptions) =>
      this.optionsType.read(each as JsonObject, wholeOf('json'));
    return this.reopenChecked(options.map(read));
  }

  /** As {@link BlockGraph.reopen}, with options that were checked by {@link optionsType}. */
  async reopenChecked(options: readonly CheckedOptions[]): Promise<void> {
    const isOwn = (edge: BlockEdge) => this.#dependent.get(edge.node) === edge;
    const left = await reopenNodes(options, { find: (name) => this.#nodes.get(name), isOwn });
    for (const node of left) await this.#closeIfUnused(node);
  }

  /** @param use Called as soon as the node is there, before anybody else can find it. */
  async #open<T>(
    options: CheckedOptions,
    inherited: Inherited,
    use: (node: BlockNode) => T,
  ): Promise<T> {
    const { definition, common, passed } = this.#settle(options, inherited);
    const { name } = common;
    this.names.reserve(name);
    const opening: Promise<BlockEdge>[] = [];
    const openChild = (role: string, child: BlockdevRef) => {
      const own = role === 'backing' ? { ...passed, ...BEHIND } : passed;
      const edge = this.#openChild(child, { name, role }, { ...own, isGuessed: false });
      opening.push(edge);
      return edge;
    };
    try {
      const mayBeReadOnly = () => passed.autoReadOnly && opening.length === 0;
      const { result: driver, readOnly } = await openAtLeast(
        { readOnly: passed.readOnly, mayBeReadOnly },
        (access) =>
          definition.open(options, { env: this.#env, name, openChild, ...passed, ...access }),
      );
      const node = new BlockNode({ ...common, readOnly }, driver);
      this.#nodes.set(name, node);
      return use(node);
    } catch (error) {
      await this.#closeChildren(opening);
      throw error;
    } finally {
      this.names.release(name);
    }
  }

  async #openChild(
    child: BlockdevRef,
    parent: EdgeParent,
    inherited: Inherited,
  ): Promise<BlockEdge> {
    if (child === parent.name) {
      throw refuse(`Making '${child}' a ${parent.role} child of '${child}' would create a cycle`);
    }
    if (typeof child === 'string') {
      const found = this.#nodes.get(child);
      if (!found) throw refuse(`Cannot find device='${child}' nor node-name='${child}'`, 'ENODEV');
      return new BlockEdge(found, parent);
    }
    return this.#open(child, inherited, (node) => {
      const edge = new BlockEdge(node, parent);
      this.#dependent.set(node, edge);
      return edge;
    });
  }

  /** Closes what a driver opened that then failed, once all of it has been opened. */
  async #closeChildren(opening: readonly Promise<BlockEdge>[]): Promise<void> {
    for (const result of await Promise.allSettled(opening)) {
      if (result.status === 'rejected') continue;
      result.value.close();
      // The driver's failure is the one to tell of.
      await this.#closeIfUnused(result.value.node);
    }
  }

  /** Closes a node and what was opened inside its options. @returns What failed to close. */
  async #closeTree(node: BlockNode): Promise<readonly unknown[]> {
    const { name, children } = node;
    const failures: unknown[] = [];
    this.#nodes.delete(name);
    this.names.reserve(name);
    try {
      await node.close();
    } catch (error) {
      failures.push(error);
    } finally {
      this.names.release(name);
    }
    for (const child of children) failures.push(...(await this.#closeIfUnused(child)));
    return failures;
  }

  /** Closes a node that depends on others, if nobody stands on it any more. */
  async #closeIfUnused(node: BlockNode): Promise<readonly unknown[]> {
    const isUnused = node.parents.size === 0 && !node.isClosed;
    return isUnused && this.#dependent.has(node) ? this.#closeTree(node) : [];
  }

  /** Finds the driver of a node, its name, and what it is by itself and by its parent. */
  #settle(options: CheckedOptions, inherited: Inherited) {
    const { driver, 'detect-zeroes': detectZeroes, 'node-name': given } = options;
    const definition = this.#drivers[driver];
    if (!definition) throw refuse(`Unknown driver '${driver}'`);
    const passed = passedOn(options, inherited);
    const { readOnly, autoReadOnly, unmap, cache } = passed;
    const common = { driver, readOnly, autoReadOnly, unmap, detectZeroes, cache, given: options };
    demandDetectable(common);
    if (passed.forceShare && !readOnly) {
      throw refuse('force-share=on can only be used with read-only images');
    }
    if (given !== undefined) this.names.demand(given);
    const name = given ?? this.names.next();
    return { definition, passed, common: { name, ...common } };
  }
}

function demandOpen(node: BlockNode): void {
  if (!node.isClosed) return;
  throw new BlockError('ENODEV', `use "${node.name}"`, 'the node is closed');
}

function inUse(node: BlockNode, { parent }: ParentEdge): BlockError {
  const reason = `node '${node.name}' is in use by '${parent.name}'`;
  return new BlockError('EBUSY', `close "${node.name}"`, reason);
}
