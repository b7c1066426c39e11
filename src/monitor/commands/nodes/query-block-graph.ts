/**
 * The command `x-debug-query-block-graph`: who stands on what, and may do what there.
 *
 * Things are numbered in the order in which they are met: the users of disks with what they use,
 * the jobs with theirs, the nodes with what they stand on. QEMU tells the last one first.
 */

import type { BlockNode } from '../../../block/node.ts';
import type { EdgeParent, ParentEdge } from '../../../block/parent.ts';
import { PERMISSIONS, useOf } from '../../../block/permissions.ts';
import { EMPTY } from '../../../wire/qapi/command.ts';
import { enumeration, list, struct } from '../../../wire/qapi/composites.ts';
import { int, str } from '../../../wire/qapi/scalars.ts';
import type { ValueOf } from '../../../wire/qapi/type.ts';
import { defineCommand } from '../../command.ts';

const nodeType = enumeration('XDbgBlockGraphNodeType', [
  'block-backend',
  'block-job',
  'block-driver',
]);
const permission = enumeration('BlockPermission', PERMISSIONS);

const graphNode = struct('XDbgBlockGraphNode', { id: int, type: nodeType, name: str });
const graphEdge = struct('XDbgBlockGraphEdge', {
  parent: int,
  child: int,
  name: str,
  perm: list(permission),
  'shared-perm': list(permission),
});
const graph = struct('XDbgBlockGraph', { nodes: list(graphNode), edges: list(graphEdge) });

export const queryBlockGraph = defineCommand(
  {
    name: 'x-debug-query-block-graph',
    summary: 'Tells who stands on which node, and what each needs and lets others do',
    arguments: EMPTY,
    returns: graph,
    features: ['unstable'],
  },
  (_given, { machine }) => {
    const { nodes } = machine.graph;
    const drawing = new Drawing();
    for (const { node, edge } of backendsOf(nodes)) {
      drawing.add(edge, 'block-backend', nameOfBackend(edge.parent));
      drawing.connect(edge, node, edge);
    }
    for (const job of machine.jobs.all) {
      const edges = ofJob(nodes, job.id);
      if (edges.length > 0) drawing.add(job, 'block-job', job.id);
      for (const { node, edge } of edges) drawing.connect(job, node, edge);
    }
    for (const node of nodes) {
      drawing.add(node, 'block-driver', node.name);
      for (const edge of [...node.edges].reverse()) {
        if (edge.parent.role !== 'target') drawing.connect(node, edge.node, edge);
      }
    }
    return drawing.result();
  },
);

class Drawing {
  readonly #numbers = new Map<object, number>();
  readonly #nodes: ValueOf<typeof graphNode>[] = [];
  readonly #edges: ValueOf<typeof graphEdge>[] = [];

  add(thing: object, type: ValueOf<typeof nodeType>, name: string): void {
    this.#nodes.push({ id: this.#numberOf(thing), type, name });
  }

  connect(parent: object, child: object, edge: ParentEdge): void {
    const { needs, shares } = useOf(edge);
    const inOrder = (some: readonly string[]) =>
      PERMISSIONS.filter((each) => some.includes(each)).reverse();
    this.#edges.push({
      parent: this.#numberOf(parent),
      child: this.#numberOf(child),
      name: edge.parent.role ?? 'root',
      perm: inOrder(needs),
      'shared-perm': inOrder(shares),
    });
  }

  result(): ValueOf<typeof graph> {
    return { nodes: this.#nodes.toReversed(), edges: this.#edges.toReversed() };
  }

  #numberOf(thing: object): number {
    const number = this.#numbers.get(thing) ?? this.#numbers.size + 1;
    this.#numbers.set(thing, number);
    return number;
  }
}

const BACKEND_KINDS = ['device', 'export', 'job'] as const;

/** What QEMU has a block backend for: the devices, the exports, the targets of jobs. */
function backendsOf(nodes: readonly BlockNode[]) {
  const edges = edgesOver(nodes).filter(({ edge }) => !edge.owner && !edge.parent.role);
  return BACKEND_KINDS.flatMap((kind) => edges.filter(({ edge }) => edge.parent.kind === kind));
}

function edgesOver(nodes: readonly BlockNode[]) {
  return nodes.flatMap((node) => [...node.parents].map((edge) => ({ node, edge })));
}

function nameOfBackend({ kind, name }: EdgeParent): string {
  return kind === 'device' ? name : '';
}

/** The edges of a job, in QEMU's order; that to the target is of its filter here. */
function ofJob(nodes: readonly BlockNode[], id: string) {
  const own = edgesOver(nodes).filter(
    ({ edge }) => edge.parent.kind === 'job' && edge.parent.name === id && edge.parent.role,
  );
  const targets = own
    .flatMap(({ node }) => node.edges.filter(({ parent }) => parent.role === 'target'))
    .map((edge) => ({ node: edge.node, edge }));
  return [...targets, ...own];
}
