/**
 * Other options for nodes that are in use: QEMU's `blockdev-reopen`.
 *
 *     plan       which nodes, with what                            reopen-plan.ts
 *     drain      all of them: nothing is in flight in them, while guests and jobs wait
 *     flush
 *     prepare    each in turn: drivers do what may fail, and other children take their places
 *     check      do all who stand on them, and below, still get on with one another?
 *     commit     each, the last one first
 *
 * Up to the commit everything can be taken back, and is when something fails.
 */

import { assert } from '../base/assert.ts';
import { BlockError } from '../base/errors.ts';
import { skipImplicit, subtreeOf } from './allocation.ts';
import { openAtLeast } from './auto-read-only.ts';
import { putBehind } from './backing.ts';
import { drained } from './drain.ts';
import type { PreparedReopening } from './driver.ts';
import { BlockEdge } from './edge.ts';
import { demandDetectable } from './inheritance.ts';
import type { BlockNode } from './node.ts';
import { type CheckedOptions, type NodeOptions, refuse } from './options.ts';
import type { ParentEdge } from './parent.ts';
import { demandPermitted, demandSizeFree } from './permissions.ts';
import { optionsAfter, planReopening, type Reopened, type ReopenPlan } from './reopen-plan.ts';
import { demandKept, demandUnchanged, REPLACEABLE } from './unchanged.ts';

/** The nodes that there are. */
export interface ReopenScope {
  find(name: string): BlockNode | undefined;
  /** Whether what an edge leads to was opened inside the options of its owner. */
  isOwn(edge: BlockEdge): boolean;
}

/**
 * Reopens nodes, all of them or none.
 *
 * @param options Those of each, with its name.
 * @returns The nodes that others have taken the place of.
 * @throws {BlockError} As {@link BlockGraph.reopen}.
 */
export function reopenNodes(
  options: readonly CheckedOptions[],
  scope: ReopenScope,
): Promise<readonly BlockNode[]> {
  const plan = () => {
    const requests = options.map((each) => ({ node: namedIn(each, scope), options: each }));
    return planReopening(requests, (edge) => scope.isOwn(edge));
  };
  return whileDrained(plan, async (settled) => {
    for (const node of settled.keys()) await flush(node);
    return change(settled, scope);
  });
}

/** What is said of a node that goes with the options it has only. */
export function cannotReopen({ name, options }: BlockNode): BlockError {
  const format = `Block format '${options.driver}' used by node '${name}'`;
  const reason = `${format} does not support reopening files`;
  return new BlockError('ENOTSUP', `reopen "${name}"`, reason);
}

function namedIn({ 'node-name': name }: CheckedOptions, scope: ReopenScope): BlockNode {
  if (name === undefined) throw refuse('node-name not specified');
  const found = scope.find(name);
  if (found) return found;
  throw refuse(`Failed to find node with node-name='${name}'`, 'ENODEV');
}

/** Each drain takes a while, in which nodes come and go: so the plan is made anew after it. */
function whileDrained<T>(
  plan: () => ReopenPlan,
  body: (settled: ReopenPlan) => Promise<T>,
  held: ReadonlySet<BlockNode> = new Set(),
): Promise<T> {
  const settled = plan();
  const next = [...settled.keys()].find((node) => !held.has(node));
  if (!next) return body(settled);
  return drained(next, () => whileDrained(plan, body, new Set([...held, next])));
}

async function flush(node: BlockNode): Promise<void> {
  try {
    await node.flush();
  } catch (error) {
    if (!(error instanceof BlockError)) throw error;
    const reason = `Error flushing drive: ${error.reason}`;
    throw new BlockError(error.code, `reopen "${node.name}"`, reason, { cause: error });
  }
}

async function change(plan: ReopenPlan, scope: ReopenScope): Promise<readonly BlockNode[]> {
  const changes = new Map<BlockNode, NodeChange>();
  for (const [node, to] of plan) changes.set(node, new NodeChange(to, changes, scope));
  const begun: NodeChange[] = [];
  try {
    for (const each of changes.values()) {
      begun.unshift(each);
      await each.prepare();
    }
    demandAllowed(changes);
  } catch (error) {
    for (const each of begun) await each.abort();
    throw error;
  }
  for (const each of begun) await each.commit();
  return begun.flatMap(({ left }) => left);
}

/** @throws {BlockError} When somebody on a node, or below, does not allow what it is to be. */
function demandAllowed(changes: Changes): void {
  const touched = [...changes.values()].flatMap(({ node, left }) => [node, ...left]);
  const isReadOnly = (node: BlockNode) => (changes.get(node)?.after ?? node.options).readOnly;
  demandPermitted(parentsFirst(touched), isReadOnly);
  // A parent that is reopened itself looks at what sizes there will be.
  const isReopened = ({ owner }: ParentEdge) => owner !== undefined && changes.has(owner);
  for (const [node, { size }] of changes) {
    if (size !== node.size) demandSizeFree(node, size, isReopened);
  }
}

/** Nodes and all that is below them, each after those that stand on it. */
function parentsFirst(nodes: readonly BlockNode[]): readonly BlockNode[] {
  const found = new Set<BlockNode>();
  const ordered: BlockNode[] = [];
  const add = (node: BlockNode) => {
    if (found.has(node)) return;
    found.add(node);
    for (const child of node.children) add(child);
    ordered.unshift(node);
  };
  for (const node of nodes) add(node);
  return ordered;
}

/** What becomes of the nodes, each by what it is now. */
type Changes = ReadonlyMap<BlockNode, NodeChange>;

/** What becomes of one node. */
class NodeChange {
  readonly node: BlockNode;
  readonly #options: CheckedOptions;
  readonly #changes: Changes;
  readonly #scope: ReopenScope;
  /** What the node had below it before. */
  readonly left: BlockNode[] = [];
  readonly #undo: (() => void)[] = [];
  #driver: PreparedReopening | undefined;
  #after: NodeOptions;
  #losesBacking = false;

  constructor(reopened: Reopened, changes: Changes, scope: ReopenScope) {
    this.node = reopened.node;
    this.#options = reopened.options;
    this.#after = optionsAfter(reopened);
    this.#changes = changes;
    this.#scope = scope;
  }

  /** What the node will be. */
  get after(): NodeOptions {
    return this.#after;
  }

  /** The size that the node will have, in bytes. */
  get size(): number {
    return this.#driver?.size?.() ?? this.node.size;
  }

  async prepare(): Promise<void> {
    const { node } = this;
    demandDetectable(this.#after);
    if (!node.traits.reopening) throw cannotReopen(node);
    demandKept(node, this.#options);
    if (this.#options.driver !== node.options.driver) {
      throw refuse("Cannot change the option 'driver'");
    }
    await this.#prepareDriver();
    if (node.backing && this.#options['backing'] === undefined) {
      throw refuse(`backing is missing for '${node.name}'`);
    }
    for (const role of REPLACEABLE) this.#replaceChild(role);
    demandUnchanged(node, this.#options, (child) => this.#changes.has(child));
  }

  async commit(): Promise<void> {
    if (this.#losesBacking) putBehind(this.node, undefined);
    await this.#driver?.commit();
    this.node.reopened(this.#after);
  }

  async abort(): Promise<void> {
    for (const undo of this.#undo.reverse()) undo();
    await this.#driver?.abort?.();
  }

  async #prepareDriver(): Promise<void> {
    const { node } = this;
    const { readOnly: wanted, autoReadOnly, unmap, cache = NO_CACHE } = this.#after;
    const sizeOf = (role: string) => {
      const child = this.#edgeIn(role)?.node;
      assert(child !== undefined, 'a driver knows its children');
      return this.#changes.get(child)?.size ?? child.size;
    };
    const mayBeReadOnly = () => autoReadOnly === true && node.children.length === 0;
    const opened = await openAtLeast({ readOnly: wanted, mayBeReadOnly }, ({ readOnly }) =>
      // Which options belong to which driver was checked by the type of all options.
      node.traits.reopening?.prepare?.(this.#options as never, { readOnly, unmap, cache, sizeOf }),
    );
    this.#driver = opened.result ?? undefined;
    this.#after = { ...this.#after, readOnly: opened.readOnly };
  }

  /** The node that a child is to be; `undefined` when there is to be none. */
  #childIn(role: string): BlockNode | undefined {
    const reference = this.#options[role];
    if (reference === null) return undefined;
    if (typeof reference !== 'string') return this.#edgeIn(role)?.node;
    const found = this.#scope.find(reference);
    if (found) return found;
    throw refuse(`Cannot find device='' nor node-name='${reference}'`, 'ENODEV');
  }

  #edgeIn(role: string): BlockEdge | undefined {
    return this.node.edges.find(({ parent }) => parent.role === role);
  }

  #replaceChild(role: (typeof REPLACEABLE)[number]): void {
    const { node } = this;
    const edge = this.#edgeIn(role);
    const before = edge?.node;
    const wanted = this.#childIn(role);
    if (wanted && subtreeOf(wanted).has(node)) {
      throw refuse(
        `Making '${wanted.name}' a ${role} child of '${node.name}' would create a cycle`,
      );
    }
    if (before === wanted || (before && skipImplicit(before) === wanted)) return;
    if (before?.options.implicit) {
      const reason = `Cannot replace implicit ${role} child of ${node.name}`;
      throw new BlockError('EPERM', `reopen "${node.name}"`, reason);
    }
    if (before) this.left.push(before);
    if (!wanted) {
      this.#losesBacking = true;
    } else if (edge && before) {
      edge.move(wanted);
      this.#undo.push(() => edge.move(before));
    } else {
      putBehind(node, new BlockEdge(wanted, { name: node.name, role }));
      this.#undo.push(() => putBehind(node, undefined));
    }
  }
}

const NO_CACHE = { direct: false, noFlush: false };
