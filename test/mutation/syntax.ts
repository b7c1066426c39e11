/**
 * The syntax of TypeScript text, as far as mutations need it: nodes that know where they stand.
 * Types are left out, for they are gone when the program runs.
 */

import { parseAst } from 'vitest/node';

/** A node of the tree that ESTree describes; places are indices of the text. */
export interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

/** What stands round an expression for the compiler only, and leaves code behind. */
const TRANSPARENT = ['TSAsExpression', 'TSNonNullExpression', 'TSSatisfiesExpression'];

/** @returns The tree of a file. @throws {SyntaxError} */
export function parse(text: string): SyntaxNode {
  const program: unknown = parseAst(text, { lang: 'ts' });
  if (!isNode(program)) throw new TypeError('Cannot parse: the parser gave no tree');
  return program;
}

/** Goes through a node and all code below it, from the first to the last. */
export function* nodesOf(node: SyntaxNode): Generator<SyntaxNode> {
  if (node.type.startsWith('TS') && !TRANSPARENT.includes(node.type)) return;
  yield node;
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (isNode(child)) yield* nodesOf(child);
    }
  }
}

/** @returns The node in a field, if there is one. */
export function childOf(node: SyntaxNode, field: string): SyntaxNode | undefined {
  const child = node[field];
  return isNode(child) ? child : undefined;
}

/** @returns The nodes in a field that is a list; none if it is something else. */
export function childrenOf(node: SyntaxNode, field: string): readonly SyntaxNode[] {
  const children = node[field];
  return Array.isArray(children) ? children.filter(isNode) : [];
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value;
}
