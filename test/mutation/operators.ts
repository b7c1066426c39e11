/**
 * The mutations: small changes of code, each of which somebody could have made by mistake.
 *
 * An operator looks at one node and gives what can be changed there. What certainly changes nothing
 * is not among it, such as an assertion that is left out, since what it says is true.
 */

import { orderMatters } from './statement-order.ts';
import { childOf, childrenOf, nodesOf, type SyntaxNode } from './syntax.ts';

/** One piece of a text for another. */
export interface Edit {
  readonly kind: string;
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
}

type Operator = (node: SyntaxNode, text: string) => readonly Edit[];

const CONDITIONAL = /^(If|While|DoWhile|For)Statement$|^ConditionalExpression$/;
const FUNCTIONS = /^(Function(Declaration|Expression)|ArrowFunctionExpression)$/;

const OTHER_SIGN: Readonly<Record<string, string>> = {
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '===': '!==',
  '!==': '===',
  '&&': '||',
  '||': '&&',
  '+': '-',
  '-': '+',
  '*': '/',
  '/': '*',
  '+=': '-=',
  '-=': '+=',
};

/** What a condition asks for is not so. */
const negateCondition: Operator = (node, text) => {
  const test = conditionOf(node);
  return test ? [replace('negate', test, `!(${textOf(test, text)})`)] : [];
};

/** `<` for `<=`, `&&` for `||`, `+` for `-`, and so on. */
const changeSign: Operator = (node, text) => {
  if (!/^(Binary|Logical|Assignment)Expression$/.test(node.type)) return [];
  const [left, right] = [childOf(node, 'left'), childOf(node, 'right')];
  const sign = String(node['operator']);
  const other = OTHER_SIGN[sign];
  if (!left || !right || other === undefined) return [];
  const at = text.indexOf(sign, left.end);
  const one = text.slice(node.start, at).trim();
  const two = text.slice(at + sign.length, node.end).trim();
  // The brackets keep the tree as it was, whatever binds more closely.
  const isAssignment = node.type === 'AssignmentExpression';
  const whole = isAssignment ? `${one} ${other} ${two}` : `((${one}) ${other} (${two}))`;
  return [replace(`${sign} to ${other}`, node, whole)];
};

/** `Math.min` for `Math.max`, and the other way round. */
const changeWord: Operator = (node, text) => {
  const word = node.type === 'MemberExpression' ? textOf(node, text) : '';
  if (word === 'Math.min') return [replace('min to max', node, 'Math.max')];
  return word === 'Math.max' ? [replace('max to min', node, 'Math.min')] : [];
};

const dropNot: Operator = (node, text) => {
  const operand = childOf(node, 'argument');
  if (node.type !== 'UnaryExpression' || node['operator'] !== '!' || !operand) return [];
  return [replace('drop !', node, text.slice(node.start + 1, node.end))];
};

const dropAwait: Operator = (node, text) => {
  const awaited = node.type === 'AwaitExpression' ? childOf(node, 'argument') : undefined;
  return awaited ? [replace('drop await', node, text.slice(awaited.start, node.end))] : [];
};

const dropStatement: Operator = (node, text) => {
  if (node.type !== 'ExpressionStatement' || isClaim(node, text)) return [];
  return [replace('drop statement', node, ';')];
};

/** Each statement of a block in the place of the next. */
const swapStatements: Operator = (node, text) => {
  if (node.type !== 'BlockStatement') return [];
  const statements = childrenOf(node, 'body');
  return statements.slice(1).flatMap((second, index) => {
    const first = statements[index];
    if (!first || [first, second].some((statement) => isClaim(statement, text))) return [];
    if (!orderMatters(first, second, text)) return [];
    const between = text.slice(first.end, second.start);
    const replacement = textOf(second, text) + between + textOf(first, text);
    return [{ kind: 'swap statements', start: first.start, end: second.end, replacement }];
  });
};

/** A function that does nothing at all; of one statement only, dropping that is the same. */
const returnEarly: Operator = (node) => {
  const body = FUNCTIONS.test(node.type) ? childOf(node, 'body') : undefined;
  if (body?.type !== 'BlockStatement' || childrenOf(body, 'body').length < 2) return [];
  const at = body.start + 1;
  return [{ kind: 'return early', start: at, end: at, replacement: ' return;' }];
};

const flipBoolean: Operator = (node) =>
  node.type === 'Literal' && typeof node['value'] === 'boolean'
    ? [replace('flip', node, String(!node['value']))]
    : [];

/** Small numbers are bounds and indexes; larger ones are tuned, and one more is as good. */
const SMALL_MAX = 2;

const addOne: Operator = (node) => {
  const value = node.type === 'Literal' ? node['value'] : undefined;
  if (typeof value !== 'number' || value > SMALL_MAX) return [];
  return [replace('off by one', node, String(value + 1))];
};

const OPERATORS: readonly Operator[] = [
  negateCondition,
  changeSign,
  changeWord,
  dropNot,
  dropAwait,
  dropStatement,
  swapStatements,
  returnEarly,
  flipBoolean,
  addOne,
];

/** What comes to the same as negating, where it is done to a whole condition. */
const NEGATIONS = ['drop !', '=== to !==', '!== to ==='];

/** @returns Everything that can be changed in a tree, in the order of the text. */
export function editsOf(tree: SyntaxNode, text: string): readonly Edit[] {
  const nodes = [...nodesOf(tree)];
  const conditions = new Set(nodes.map(conditionOf));
  return nodes
    .flatMap((node) => {
      const edits = OPERATORS.flatMap((operator) => operator(node, text));
      return conditions.has(node) ? edits.filter(({ kind }) => !NEGATIONS.includes(kind)) : edits;
    })
    .sort((one, other) => one.start - other.start || one.end - other.end);
}

function conditionOf(node: SyntaxNode): SyntaxNode | undefined {
  return CONDITIONAL.test(node.type) ? childOf(node, 'test') : undefined;
}

function replace(kind: string, { start, end }: SyntaxNode, replacement: string): Edit {
  return { kind, start, end, replacement };
}

function textOf({ start, end }: SyntaxNode, text: string): string {
  return text.slice(start, end);
}

/** What says what is true anyway, or what the language demands. */
function isClaim(node: SyntaxNode, text: string): boolean {
  return /^(assert|unreachable|super)\(/.test(textOf(node, text));
}
