/**
 * The command `reopen`: gives the node of a disk other options, and leaves the rest as they are.
 *
 * Those that it has are written down as a command line has them, so that the ones that are given
 * can take their places, and all of them be read together. The children stay who they are.
 */

import { BlockError } from '../../../base/errors.ts';
import { skipImplicit } from '../../../block/allocation.ts';
import type { BlockNode } from '../../../block/node.ts';
import { GIVEN, namesGiven } from '../../../block/options.ts';
import { cannotReopen } from '../../../block/reopen.ts';
import { parseOptionList } from '../../../wire/options/option-list.ts';
import { wholeOf } from '../../../wire/qapi/type.ts';
import type { JsonObject, JsonValue } from '../../../wire/qmp/json-value.ts';
import { type IoCommand, type IoContext, IoStop, usageOf } from './command.ts';
import { parseOptions } from './options.ts';
import { mediumOf } from './request.ts';

/** The modes of caching by their names, as the options that they stand for. */
const CACHE_MODES: Readonly<Record<string, readonly ['on' | 'off', 'on' | 'off']>> = {
  none: ['on', 'off'],
  off: ['on', 'off'],
  writeback: ['off', 'off'],
  unsafe: ['off', 'on'],
};

const CACHE_OPTIONS = ['cache.direct', 'cache.no-flush'];

/** How a child that there expressly is none of is written down. */
const NULL = 'null';

export const reopen: IoCommand = {
  name: 'reopen',
  usage: '[(-r|-w)] [-c cache] [-o options]',
  summary: 'reopens an image with new options',
  countMax: Number.POSITIVE_INFINITY,
  async run(words, context) {
    const readers = { c: (mode: string) => mode, o: (options: string) => options };
    const { flags, values, operands } = parseOptions(
      reopen,
      words,
      { flags: 'rw', readers },
      context,
    );
    if (operands.length > 0) throw new IoStop(usageOf(reopen));
    const { graph } = context.machine;
    try {
      if (flags.size > 1) throw refuse('Only one -r/-w option may be given');
      const node = skipImplicit(mediumOf(context.disk).node);
      const options = optionsFor(node, { flags, cache: values.c, text: values.o ?? '' });
      await graph.reopenChecked([graph.optionsType.read(options, wholeOf('keyval'))]);
    } catch (error) {
      reportRefusal(error, context);
    }
  },
};

/** What was asked for. */
interface Wanted {
  readonly flags: ReadonlySet<string>;
  readonly cache: string | undefined;
  readonly text: string;
}

function optionsFor(node: BlockNode, { flags, cache, text }: Wanted): JsonObject {
  const wanted = new Map(parseOptionList(text).options.map(({ name, value }) => [name, value]));
  if (wanted.has('read-only') && flags.size > 0) {
    throw refuse("Cannot set both -r/-w and 'read-only'");
  }
  const isReadOnly = flags.size > 0 ? flags.has('r') : node.options.readOnly;
  const others = [...wanted].filter(([name]) => !CACHE_OPTIONS.includes(name));
  for (const [name] of others) {
    const isFixed = name === 'node-name' || name.includes('.');
    if (isFixed) throw refuse(`Cannot change the option '${name}'`);
  }
  return {
    ...presentOptions(node),
    'node-name': node.name,
    'read-only': textOf(isReadOnly),
    cache: cacheFor(node, cache, wanted),
    ...Object.fromEntries(others),
  };
}

/** What a node has been given, and who its children are. */
function presentOptions(node: BlockNode): JsonObject {
  const { given } = node.options;
  if (!given) throw cannotReopen(node);
  const own = namesGiven(given).map((name) => [name, textOf(given[GIVEN][name])] as const);
  const children = node.edges.map(({ parent, node: child }) => [parent.role, child.name] as const);
  return Object.fromEntries([...own.filter(([, value]) => value !== NULL), ...children]);
}

function cacheFor(
  node: BlockNode,
  mode: string | undefined,
  wanted: ReadonlyMap<string, string>,
): JsonObject {
  const named = CACHE_OPTIONS.map((name) => wanted.get(name));
  const isNamed = named.some((value) => value !== undefined);
  if (isNamed && mode !== undefined) throw refuse('Cannot set both -c and the cache options');
  const { direct = false, noFlush = false } = node.options.cache ?? {};
  const present = [textOf(direct), textOf(noFlush)];
  const [first = 'off', second = 'off'] = isNamed ? named : (modeOf(mode) ?? present);
  return { direct: first, 'no-flush': second };
}

function modeOf(cache: string | undefined): readonly [string, string] | undefined {
  if (cache === undefined) return undefined;
  const mode = CACHE_MODES[cache];
  if (mode) return mode;
  throw refuse(`Invalid cache option: ${cache}`);
}

/** A value as a command line has it. */
function textOf(value: JsonValue | undefined): JsonValue {
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  if (Array.isArray(value)) return value.map(textOf);
  if (typeof value !== 'object' || value === null) return value === null ? NULL : `${value}`;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, textOf(each)]));
}

function refuse(reason: string): BlockError {
  return new BlockError('EINVAL', 'reopen the disk', reason);
}

function reportRefusal(error: unknown, { report }: IoContext): void {
  if (!(error instanceof BlockError)) throw error;
  report(`${error.reason}\n`);
}
