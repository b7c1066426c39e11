/**
 * What a QMP server says of its commands (`query-qmp-schema`), for who types them.
 *
 * On a command line every value is a text: whether `size=1M` is a number, `read-only=on` a boolean
 * and `name=1` neither, the server's own schema decides. So a client knows the commands of any
 * server, of any version. What the schema does not know is sent as it was typed: it is the server
 * that refuses it.
 */

import { BlockError } from '../base/errors.ts';
import type { KeyvalObject, KeyvalValue } from '../wire/options/keyval.ts';
import { parseBoolean, parseSigned, parseSize } from '../wire/options/scalars.ts';
import { parseJson } from '../wire/qmp/json-reader.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../wire/qmp/json-value.ts';

/** An entry of the schema; which members there are depends on `meta-type`. */
interface Entry {
  readonly name: string;
  readonly 'meta-type': string;
  readonly 'json-type'?: string;
  readonly 'element-type'?: string;
  readonly 'arg-type'?: string;
  readonly tag?: string;
  readonly values?: readonly string[];
  readonly members?: readonly { readonly name?: string; readonly type: string }[];
  readonly variants?: readonly { readonly case: string; readonly type: string }[];
}

export class ServerSchema {
  readonly #entries: ReadonlyMap<string, Entry>;

  /** @param answer What `query-qmp-schema` returned. */
  constructor(answer: JsonValue) {
    // A server says so of its own schema; what is missing in it is taken for unknown.
    const entries = (Array.isArray(answer)
      ? answer.filter(isJsonObject)
      : []) as unknown as Entry[];
    this.#entries = new Map(entries.map((entry) => [entry.name, entry]));
  }

  /** The names of all commands, in order. */
  get commands(): readonly string[] {
    return [...this.#entries.values()]
      .filter((entry) => entry['meta-type'] === 'command')
      .map(({ name }) => name)
      .sort();
  }

  /**
   * Gives texts the types that a command's arguments have.
   *
   * @throws {BlockError} `EINVAL` for a text that is none of its type.
   */
  argumentsOf(command: string, given: KeyvalObject): JsonObject {
    const type = this.#entries.get(command)?.['arg-type'];
    return this.#object(given, type, '');
  }

  /** @returns The arguments of a command, by their paths: `file.filename` once `file.driver` is. */
  memberNames(command: string, given: KeyvalObject): readonly string[] {
    const type = this.#entries.get(command)?.['arg-type'];
    return this.#pathsOf(given, type, '');
  }

  /** @returns The words that an argument may be; none where it may be anything. */
  valuesOf(command: string, path: string, given: KeyvalObject): readonly string[] {
    let type = this.#entries.get(command)?.['arg-type'];
    let at: KeyvalValue = given;
    for (const name of path.split('.')) {
      type = this.#memberTypes(at, type).get(name);
      at = typeof at === 'object' && !Array.isArray(at) ? ((at as KeyvalObject)[name] ?? {}) : {};
    }
    const entry = this.#entries.get(type ?? '');
    if (entry?.['json-type'] === 'boolean') return ['on', 'off'];
    return wordsOf(entry);
  }

  #value(given: KeyvalValue, type: string | undefined, path: string): JsonValue {
    const entry = this.#entries.get(type ?? '');
    switch (entry?.['meta-type']) {
      case 'builtin':
        return typeof given === 'string' ? scalar(given, entry, path) : this.#untyped(given, path);
      case 'array':
        return this.#array(given, entry, path);
      case 'object':
        return this.#object(given, entry.name, path);
      case 'alternate':
        return this.#value(given, this.#branchOf(given, entry), path);
      default:
        return this.#untyped(given, path);
    }
  }

  #array(given: KeyvalValue, entry: Entry, path: string): JsonValue {
    if (typeof given === 'string') return given.startsWith('[') ? parseJson(given) : [given];
    if (!Array.isArray(given)) return this.#untyped(given, path);
    const elements: readonly KeyvalValue[] = given;
    return elements.map((element, index) =>
      this.#value(element, entry['element-type'], `${path}.${index}`),
    );
  }

  #object(given: KeyvalValue, type: string | undefined, path: string): JsonObject {
    if (typeof given === 'string' && given.startsWith('{')) {
      const value = parseJson(given);
      if (isJsonObject(value)) return value;
    }
    if (typeof given === 'string' || Array.isArray(given)) {
      throw refuse(path, 'needs members, such as', `${path}.NAME=VALUE`);
    }
    const types = this.#memberTypes(given, type);
    const members = Object.entries(given).map(([name, value]) => {
      const inside = path === '' ? name : `${path}.${name}`;
      return [name, this.#value(value, types.get(name), inside)] as const;
    });
    return Object.fromEntries(members);
  }

  /** The members of an object, those that depend on its tag among them. */
  #memberTypes(given: KeyvalValue, type: string | undefined): ReadonlyMap<string, string> {
    const entry = this.#entries.get(type ?? '');
    const object = entry?.['meta-type'] === 'alternate' ? this.#objectOf(entry) : entry;
    const members = object?.members ?? [];
    const known = new Map(members.map(({ name = '', type: own }) => [name, own]));
    const { tag, variants = [] } = object ?? {};
    if (tag === undefined || typeof given === 'string' || Array.isArray(given)) return known;
    const chosen = (given as KeyvalObject)[tag];
    const variant = variants.find((one) => one.case === chosen);
    if (!variant) return known;
    return new Map([...known, ...this.#memberTypes({}, variant.type)]);
  }

  #objectOf({ members = [] }: Entry): Entry | undefined {
    return members
      .map(({ type }) => this.#entries.get(type))
      .find((branch) => branch?.['meta-type'] === 'object');
  }

  /** Which branch of an alternate a text or an object is for. */
  #branchOf(given: KeyvalValue, entry: Entry): string | undefined {
    if (typeof given !== 'string') return this.#objectOf(entry)?.name;
    const isText = ({ type }: { readonly type: string }) => {
      const branch = this.#entries.get(type);
      return branch?.['json-type'] === 'string' || branch?.['meta-type'] === 'enum';
    };
    return entry.members?.find(isText)?.type ?? entry.members?.[0]?.type;
  }

  /** As the schema does not know it: texts stay texts. */
  #untyped(given: KeyvalValue, path: string): JsonValue {
    if (typeof given === 'string') return given;
    if (!Array.isArray(given)) return this.#object(given, undefined, path);
    const elements: readonly KeyvalValue[] = given;
    return elements.map((element) => this.#untyped(element, path));
  }

  #pathsOf(given: KeyvalValue, type: string | undefined, path: string): readonly string[] {
    return [...this.#memberTypes(given, type)].flatMap(([name, memberType]) => {
      const inside = path === '' ? name : `${path}.${name}`;
      const entry = this.#entries.get(memberType);
      const object = entry?.['meta-type'] === 'alternate' ? this.#objectOf(entry) : entry;
      if (object?.['meta-type'] !== 'object') return [inside];
      const value = (given as KeyvalObject)[name];
      // Behind a union is another one, and so on without end: only what is begun is shown whole.
      if (value === undefined)
        return object.tag === undefined ? [inside] : [inside, `${inside}.${object.tag}`];
      return this.#pathsOf(value, memberType, inside);
    });
  }
}

function scalar(text: string, entry: Entry, path: string): JsonValue {
  switch (entry['json-type']) {
    case 'int': {
      const signed = parseSigned(text);
      const number = typeof signed === 'string' ? parseSize(text) : signed;
      if (typeof number === 'string') throw refuse(path, 'must be a number, such as 64K', text);
      return number;
    }
    case 'number': {
      const number = Number(text);
      if (text.trim() === '' || !Number.isFinite(number))
        throw refuse(path, 'must be a number', text);
      return number;
    }
    case 'boolean': {
      const value = parseBoolean(text);
      if (value === undefined) throw refuse(path, 'must be on or off', text);
      return value;
    }
    case 'null':
      return null;
    case 'value':
      return /^(?:[[{"]|-?\d|(?:true|false|null)$)/.test(text) ? parseJson(text) : text;
    default:
      return text;
  }
}

function wordsOf(entry: Entry | undefined): readonly string[] {
  if (entry?.['meta-type'] !== 'enum') return [];
  // Since QEMU 6.2 the words are members as well, and since then these are to be used.
  return entry.members?.map(({ name = '' }) => name) ?? entry.values ?? [];
}

function refuse(path: string, rule: string, value: string): BlockError {
  return new BlockError('EINVAL', 'read the arguments', `'${path}' ${rule}: ${value}`);
}
