/**
 * Whether two neighbouring statements could do something else in the other order.
 *
 * It is told from the syntax alone. So a call may see and change anything, but for those of the
 * language that are known by their names. A getter counts as the field that it stands for, and what
 * is made anew sees only what it is given.
 */

import { childOf, childrenOf, nodesOf, type SyntaxNode } from './syntax.ts';

/** Nothing after one of these is reached. */
const LEAVING = /^(Return|Throw|Break|Continue)Statement$/;
const CHANGING = /^(Assignment|Update)Expression$/;
/** What gives others a say, or an end to it all. */
const ASKING = /^((Call|Await|Yield)Expression|(Return|Throw|Break|Continue)Statement)$/;
/** Functions that make a number of numbers, and neither see nor change anything else. */
const COMPUTING = /^(BigInt|Number\.\w+|Math\.(?!random$)\w+)$/;
/** Methods that store a number in a view, and neither see nor change anything but its bytes. */
const STORING = /\.set(?:Big)?(?:Int|Uint|Float)(?<bits>8|16|32|64)$/;
/** What is found by an index, whatever the name of the array; and arrays may grow. */
const ELEMENTS: readonly string[] = ['[]', '.length'];

/**
 * Tells whether it is worth a try to swap two statements, of which one at least is no declaration:
 * one names what the other changes, or both do something, and others have a say in it.
 */
export function orderMatters(first: SyntaxNode, second: SyntaxNode, text: string): boolean {
  const both = [first, second];
  if (both.some(({ type }) => LEAVING.test(type))) return false;
  if (both.every(({ type }) => type !== 'ExpressionStatement')) return false;
  if (names(first, second) || names(second, first)) return true;
  const doesSomething = (statement: SyntaxNode) =>
    nodesLike(statement, ASKING).length > 0 || nodesLike(statement, CHANGING).length > 0;
  const asks = (statement: SyntaxNode) => asksOthers(statement, text);
  return both.every(doesSomething) && both.some(asks) && !storeApart(first, second, text);
}

/** Whether somebody else's code has a say: what computes from given numbers has none. */
function asksOthers(node: SyntaxNode, text: string): boolean {
  return nodesLike(node, ASKING).some((asking) => {
    const isSpread = childrenOf(asking, 'arguments').some(({ type }) => type === 'SpreadElement');
    return isSpread || !COMPUTING.test(calleeOf(asking, text));
  });
}

/** Whether a statement names what the other changes. */
function names(statement: SyntaxNode, changing: SyntaxNode): boolean {
  const words = [...nodesOf(statement)].flatMap(wordsOf);
  return nodesLike(changing, CHANGING)
    .flatMap((change) => childOf(change, 'left') ?? childOf(change, 'argument') ?? [])
    .flatMap((target) =>
      target.type === 'MemberExpression' ? wordsOf(target) : [...nodesOf(target)].flatMap(wordsOf),
    )
    .some((word) => words.includes(word));
}

/** What a node names: a variable, or a field, of whatever object, since it may have other names. */
function wordsOf(node: SyntaxNode): readonly string[] {
  if (node.type === 'Identifier') return [String(node['name'])];
  const name = childOf(node, node.type === 'Property' ? 'key' : 'property')?.['name'];
  if (node.type !== 'Property' && node.type !== 'MemberExpression') return [];
  return node['computed'] === true ? ELEMENTS : [`.${name}`];
}

/** Whether both only store numbers in the same view, at offsets that do not overlap. */
function storeApart(first: SyntaxNode, second: SyntaxNode, text: string): boolean {
  const [one, other] = [storeOf(first, text), storeOf(second, text)];
  if (!one || !other || one.place !== other.place) return false;
  return one.end <= other.start || other.end <= one.start;
}

/** Bytes of a view; the place is the view and what may be added to the number in an offset. */
interface Store {
  readonly place: string;
  readonly start: number;
  readonly end: number;
}

/** @returns Where a statement stores a number; `undefined` if it does anything else. */
function storeOf(statement: SyntaxNode, text: string): Store | undefined {
  const call = childOf(statement, 'expression');
  const callee = call ? calleeOf(call, text) : '';
  const bits = STORING.exec(callee)?.groups?.['bits'];
  const [offset, ...rest] = call ? childrenOf(call, 'arguments') : [];
  if (!offset || bits === undefined) return undefined;
  if ([offset, ...rest].some((argument) => asksOthers(argument, text))) return undefined;
  const isSum = offset.type === 'BinaryExpression' && offset['operator'] === '+';
  const base = isSum ? childOf(offset, 'left') : undefined;
  const constant = (isSum ? childOf(offset, 'right') : offset)?.['value'];
  const from = typeof constant === 'number' ? base : offset;
  const start = typeof constant === 'number' ? constant : 0;
  const place = `${callee.replace(STORING, '')} ${from ? text.slice(from.start, from.end) : ''}`;
  return { place, start, end: start + Number(bits) / 8 };
}

function calleeOf(node: SyntaxNode, text: string): string {
  const callee = childOf(node, 'callee');
  return callee ? text.slice(callee.start, callee.end) : '';
}

function nodesLike(node: SyntaxNode, types: RegExp): readonly SyntaxNode[] {
  return [...nodesOf(node)].filter(({ type }) => types.test(type));
}
