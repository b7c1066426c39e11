/**
 * Which nodes are reopened, and with what: what QEMU makes of the options of `blockdev-reopen`.
 *
 * A node that was opened inside the options of another is reopened with it. The options for it are
 * where they were, inside those of its parent; or its name is, and then it keeps those that it was
 * given. What a node's own options do not say, its parent's do; and then it is as it was, if it
 * keeps its options, and else as it is by default.
 */

import type { BlockEdge } from './edge.ts';
import { BEHIND } from './inheritance.ts';
import type { BlockNode } from './node.ts';
import {
  type BlockdevRef,
  type CheckedOptions,
  GIVEN,
  type NodeOptions,
  namesGiven,
} from './options.ts';

/** What of a node is said, by its own options or those of its parent. */
interface Said {
  readonly readOnly?: boolean | undefined;
  readonly autoReadOnly?: boolean | undefined;
  readonly direct?: boolean | undefined;
  readonly noFlush?: boolean | undefined;
}

/** One node, and what it is to be. */
export interface Reopened {
  readonly node: BlockNode;
  readonly options: CheckedOptions;
  readonly said: Said;
}

/** The nodes in the order in which they get ready. */
export type ReopenPlan = ReadonlyMap<BlockNode, Reopened>;

/** A node, and the options that were given for it. */
export interface ReopenRequest {
  readonly node: BlockNode;
  readonly options: CheckedOptions;
}

/** @param isOwn Whether what an edge leads to was opened inside the options of its owner. */
export function planReopening(
  requests: readonly ReopenRequest[],
  isOwn: (edge: BlockEdge) => boolean,
): ReopenPlan {
  const plan = new Map<BlockNode, Reopened>();
  const add = ({ node, options: given }: ReopenRequest, parent: Said, kept?: NodeOptions) => {
    const earlier = plan.get(node)?.options;
    const options = earlier ? joined(given, earlier) : given;
    const said = saidOf(options, parent, kept);
    plan.set(node, { node, options, said });
    for (const edge of node.edges.filter(isOwn)) {
      const { role = '' } = edge.parent;
      const child = edge.node;
      const inside = role === 'backing' ? { ...said, ...BEHIND } : said;
      const reference = options[role] as BlockdevRef | null | undefined;
      if (typeof reference === 'object' && reference) {
        add({ node: child, options: reference }, inside);
      } else if (reference === child.name && child.options.given) {
        add({ node: child, options: child.options.given }, inside, child.options);
      }
    }
  };
  for (const request of requests) add(request, {});
  return plan;
}

function saidOf(options: CheckedOptions, parent: Said, kept?: NodeOptions): Said {
  const { cache } = options;
  return {
    readOnly: options['read-only'] ?? parent.readOnly ?? kept?.readOnly,
    autoReadOnly: options['auto-read-only'] ?? parent.autoReadOnly ?? kept?.autoReadOnly,
    direct: cache.direct ?? parent.direct ?? kept?.cache?.direct,
    noFlush: cache['no-flush'] ?? parent.noFlush ?? kept?.cache?.noFlush,
  };
}

/** What is given in `options`, and for the rest what is in `others`. */
function joined(options: CheckedOptions, others: CheckedOptions): CheckedOptions {
  const given = namesGiven(options).map((name) => [name, options[name]] as const);
  const all = { ...others[GIVEN], ...options[GIVEN] };
  return { ...others, ...Object.fromEntries(given), [GIVEN]: all };
}

/** What a node will be like. */
export function optionsAfter({ node, options, said }: Reopened): NodeOptions {
  const { readOnly = false, autoReadOnly = false, direct = false, noFlush = false } = said;
  const { discard, 'detect-zeroes': detectZeroes } = options;
  return {
    ...node.options,
    given: options,
    readOnly,
    autoReadOnly,
    cache: { direct, noFlush },
    unmap: discard === undefined ? node.options.unmap : discard === 'unmap',
    detectZeroes,
  };
}
