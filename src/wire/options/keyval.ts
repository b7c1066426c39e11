/**
 * Options that are a tree: `driver=raw,node-name=disk,file.driver=file,file.filename=a,,b.img`.
 *
 *     options   = [ option { "," option } [ "," ] ]
 *     option    = name { "." ( name | index ) } "=" value | "help" | "?"
 *     value     = any text, in which a comma is written twice
 *
 * Dots lead into objects, or into lists where they are followed by an index: `a.0=x,a.1=y`. Of an
 * option that is given twice the last one counts. The first option may be a value alone, if there
 * is a name that it implies. All values are strings; what they mean is for a schema to say.
 */

import { BlockError } from '../../base/errors.ts';
import { inMemberOrder } from '../qmp/member-order.ts';

/** What stands at a place of the tree. */
export type KeyvalValue = string | readonly KeyvalValue[] | KeyvalObject;

/** Options by name. */
export interface KeyvalObject {
  readonly [name: string]: KeyvalValue;
}

/** Options as they were given. */
export interface Keyval {
  readonly values: KeyvalObject;
  /** `help` or `?` is among them. */
  readonly helpWanted: boolean;
}

/** How options are read. */
export interface KeyvalSyntax {
  /** What the first option is if it is a value alone. */
  readonly impliedName?: string;
  /** Whether there is help to be had; it is an error to ask for any where there is none. */
  readonly hasHelp: boolean;
}

const NAME_LENGTH_MAX = 127;
const INDEX_MAX = 2 ** 31 - 1;

/** @throws {BlockError} `EINVAL` for what are no such options; the reason is QEMU's text. */
export function parseKeyval(text: string, { impliedName, hasHelp }: KeyvalSyntax): Keyval {
  const root: Branch = new Map();
  let helpWanted = false;
  for (let at = 0; at < text.length; ) {
    const key = matchAt(/[^=,]*/y, text, at);
    const isAlone = key !== '' && text[at + key.length] !== '=';
    if (isAlone && (key === 'help' || key === '?')) {
      helpWanted = true;
      at += key.length + 1;
    } else if (isAlone && at === 0 && impliedName !== undefined) {
      put(root, impliedName, key);
      at += key.length + 1;
    } else {
      const value = matchAt(/(?:[^,]+|,,)*/y, text, at + key.length + 1);
      put(root, key, isAlone ? undefined : value.replaceAll(',,', ','));
      at += key.length + 1 + value.length + 1;
    }
  }
  if (helpWanted && !hasHelp) throw refuse('Help is not available for this option');
  return { values: Object.fromEntries(membersOf(root, '')), helpWanted };
}

/**
 * Reads options of which each is a word of its own, so that a comma in it is a comma.
 *
 * @throws {BlockError} As {@link parseKeyval}.
 */
export function parseWords(words: readonly string[]): KeyvalObject {
  const text = words.map((word) => word.replaceAll(',', ',,')).join(',');
  return parseKeyval(text, { hasHelp: false }).values;
}

/** The tree while it is built: what will be a list is by its indexes. */
type Branch = Map<string, string | Branch>;

/** @param value `undefined` where there was none, which is an error, but not the first one. */
function put(root: Branch, key: string, value: string | undefined): void {
  let branch = root;
  let name = nameAt(key, 0);
  for (let end = name.length; end < key.length; end += 1 + name.length) {
    const next = nameAt(key, end + 1); // QEMU looks at its form before it goes there.
    branch = descend(branch, name, key.slice(0, end + 1));
    name = next;
  }
  if (value === undefined) throw refuse(`Expected '=' after parameter '${key}'`);
  if (branch.get(name) instanceof Map) throw inconsistent(`${key}.`);
  branch.set(name, value);
}

function nameAt(key: string, at: number): string {
  const index = at === 0 ? '' : matchAt(/\d*/y, key, at);
  const name = index || matchAt(/(?:(?:__[\dA-Za-z.-]*_)?[A-Za-z][\w-]*)?/y, key, at);
  const end = at + name.length;
  if (name === '' || (end < key.length && key[end] !== '.')) {
    throw refuse(`Invalid parameter '${key}'`);
  }
  if (name.length > NAME_LENGTH_MAX) {
    const what = name === key ? 'Parameter' : 'Parameter fragment';
    throw refuse(`${what} '${name}' is too long`);
  }
  return name;
}

function descend(branch: Branch, name: string, path: string): Branch {
  const found = branch.get(name);
  if (typeof found === 'string') throw inconsistent(path);
  const next: Branch = found ?? new Map();
  branch.set(name, next);
  return next;
}

function matchAt(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? '';
}

/** @param path Of the branch, with a dot at its end unless it is the root's. */
function finish(branch: Branch, path: string): KeyvalValue {
  const members = membersOf(branch, path);
  const indexes = members.filter(([name]) => /^\d/.test(name));
  if (indexes.length === 0) return Object.fromEntries(members);
  if (indexes.length < members.length) throw inconsistent(path);
  return listOf(indexes, path);
}

function membersOf(branch: Branch, path: string): readonly (readonly [string, KeyvalValue])[] {
  return inMemberOrder(branch).map(([name, value]) => [
    name,
    typeof value === 'string' ? value : finish(value, `${path}${name}.`),
  ]);
}

type Element = readonly [index: string, value: KeyvalValue];

function listOf(elements: readonly Element[], path: string): readonly KeyvalValue[] {
  const byIndex = new Map(
    elements.map(([index, value]) => [Math.min(Number(index), INDEX_MAX), value]),
  );
  return Array.from({ length: Math.max(...byIndex.keys()) + 1 }, (_, index) => {
    const value = byIndex.get(index);
    if (value === undefined) throw refuse(`Parameter '${path}${index}' missing`);
    return value;
  });
}

function inconsistent(path: string): BlockError {
  return refuse(`Parameters '${path}*' used inconsistently`);
}

function refuse(reason: string): BlockError {
  return new BlockError('EINVAL', 'read options', reason);
}
