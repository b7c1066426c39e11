/**
 * Writes JSON as QEMU does: in ASCII, members in QEMU's order, a space after commas and colons or,
 * if it is to be pretty, each element on a line of its own, four more spaces in. A member that is
 * undefined is left out.
 */

import { unreachable } from '../../base/assert.ts';
import { formatDouble } from './json-double.ts';
import { isJsonObject, type JsonValue } from './json-value.ts';
import { inMemberOrder } from './member-order.ts';
import { isCharacter } from './modified-utf8.ts';

const INDENT = '    ';

const SHORT_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '\\"'],
  ['\\', '\\\\'],
  ['\b', '\\b'],
  ['\f', '\\f'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

/** How a value is written. */
export interface JsonStyle {
  /** On many lines. @default false */
  readonly pretty?: boolean;
}

/** @returns The text, without a line end after it. */
export function formatJson(value: JsonValue, { pretty = false }: JsonStyle = {}): string {
  return format(value, pretty ? '\n' : undefined);
}

/** @param newline A line end and the spaces before what goes with the value, if it is pretty. */
function format(value: JsonValue, newline: string | undefined): string {
  switch (typeof value) {
    case 'string':
      return quote(value);
    case 'number':
      return formatDouble(value); // Which are the digits alone where it is an integer.
    case 'bigint':
    case 'boolean':
      return String(value);
    case 'object': {
      if (value === null) return 'null';
      const inside = newline && `${newline}${INDENT}`;
      if (!isJsonObject(value)) {
        const elements = value.map((element) => format(element, inside));
        return `[${join(elements, newline)}]`;
      }
      const present = Object.entries(value).filter(([, member]) => member !== undefined);
      const members = inMemberOrder(present).map(
        ([name, member]) => `${quote(name)}: ${format(member, inside)}`,
      );
      return `{${join(members, newline)}}`;
    }
    default:
      return unreachable(value);
  }
}

function join(parts: readonly string[], newline: string | undefined): string {
  if (newline === undefined) return parts.join(', ');
  const lines = parts.map((part) => `${newline}${INDENT}${part}`);
  return `${lines.join(',')}${newline}`;
}

function quote(text: string): string {
  return `"${text.replace(/[^ !#-[\]-~]/gu, escapeOf)}"`;
}

function escapeOf(character: string): string {
  const short = SHORT_ESCAPES.get(character);
  if (short !== undefined) return short;
  if (!isCharacter(character.codePointAt(0) ?? 0)) return '\\uFFFD';
  const units = Array.from({ length: character.length }, (_, at) => character.charCodeAt(at));
  return units.map((unit) => `\\u${unit.toString(16).toUpperCase().padStart(4, '0')}`).join('');
}
