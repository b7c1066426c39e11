/** Whether two neighbouring statements could do something else in the other order. */

import { childOf, nodesOf, type SyntaxNode } from './syntax.ts';

/** Nothing after one of these is reached. */
const LEAVING = /^(Return|Throw|Break|Continue)Statement$/;
const CHANGING = /^(Assignment|Update)Expression$/;
/** What gives others a say, or an end to it all. */
const ASKING = /^((Call|Await|Yield)Expression|(Return|Throw|Break|Continue)Statement)$/;

/**
 * Tells whether it is worth a try to swap two statements, of which one at least is no declaration:
 * both do something, and either others have a say in it, or one names what the other changes.
 */
export function orderMatters(first: SyntaxNode, second: SyntaxNode, text: string): boolean {
  const both = [first, second];
  if (both.some(({ type }) => LEAVING.test(type))) return false;
  if (both.every(({ type }) => type !== 'ExpressionStatement')) return false;
  const asks = (statement: SyntaxNode) => nodesLike(statement, ASKING).length > 0;
  const changes = (statement: SyntaxNode) => nodesLike(statement, CHANGING).length > 0;
  if (!both.every((statement) => asks(statement) || changes(statement))) return false;
  return both.some(asks) || names(first, second, text) || names(second, first, text);
}

/** Whether a statement names what the other changes. */
function names(statement: SyntaxNode, changing: SyntaxNode, text: string): boolean {
  const words: readonly string[] =
    text.slice(statement.start, statement.end).match(/[\w.#$]+/g) ?? [];
  return nodesLike(changing, CHANGING)
    .flatMap((change) => childOf(change, 'left') ?? childOf(change, 'argument') ?? [])
    .some(({ start, end }) => words.includes(text.slice(start, end)));
}

function nodesLike(node: SyntaxNode, types: RegExp): readonly SyntaxNode[] {
  return [...nodesOf(node)].filter(({ type }) => types.test(type));
}
