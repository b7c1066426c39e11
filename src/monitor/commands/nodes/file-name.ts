/**
 * What a disk is called where QEMU shows a file name.
 *
 *     disk.img                          a file, or a format over it that needs no options
 *     nbd://host:port/export            an NBD export
 *     json:{"driver": "raw", ...}       everything else: what would open the same disk again
 *
 * Of the options only those count that say which bytes the disk shows.
 */

import type { BlockNode } from '../../../block/node.ts';
import { type CheckedOptions, namesGiven } from '../../../block/options.ts';
import type { JsonObject, JsonValue } from '../../../wire/qmp/json-value.ts';
import { formatJson } from '../../../wire/qmp/json-writer.ts';

/** Options by their names, those within others as in `server.path`. */
type FlatOptions = Readonly<Record<string, JsonValue>>;

/** What a disk is known by. */
interface Identity {
  /** The name that says it all, if there is one. */
  readonly exact: string | undefined;
  readonly options: JsonObject;
}

/** The options that count, if they are given. */
const COUNTING: Readonly<Record<string, readonly string[]>> = {
  file: ['filename'],
  raw: ['offset', 'size'],
  'null-co': ['size', 'read-zeroes'],
  'null-aio': ['size', 'read-zeroes'],
  nbd: [
    'server.type',
    'server.host',
    'server.port',
    'server.path',
    'export',
    'tls-creds',
    'tls-hostname',
  ],
  throttle: ['throttle-group'],
  blkdebug: [
    'align',
    'max-transfer',
    'opt-write-zero',
    'max-write-zero',
    'opt-discard',
    'max-discard',
  ],
  memory: ['size'],
};

type NameOf = (own: FlatOptions, below: Readonly<Record<string, Identity>>) => string | undefined;

const nameOfNull =
  (driver: string): NameOf =>
  (own) =>
    Object.keys(own).length === 0 ? `${driver}://` : undefined;

/** The drivers that formats can stand on without further ado, and how they call a disk. */
const PROTOCOLS: Readonly<Record<string, NameOf>> = {
  file: ({ filename }) => String(filename),
  'null-co': nameOfNull('null-co'),
  'null-aio': nameOfNull('null-aio'),
  nbd: nameOfExport,
  blkdebug: ({ config = '', ...others }, { image }) =>
    image?.exact !== undefined && Object.keys(others).length === 0
      ? `blkdebug:${config}:${image.exact}`
      : undefined,
  blkverify: (_own, { raw, test }) =>
    raw?.exact !== undefined && test?.exact !== undefined
      ? `blkverify:${raw.exact}:${test.exact}`
      : undefined,
};

/** What a disk is called. */
export function fileNameOf(node: BlockNode): string {
  const { exact, options } = identify(node);
  return exact ?? `json:${formatJson(options)}`;
}

function identify(node: BlockNode): Identity {
  const { given } = node.options;
  // A filter of a job is called what it is over.
  if (!given) return node.filtered ? identify(node.filtered) : { exact: undefined, options: {} };
  const below: Record<string, Identity> = {};
  for (const edge of node.edges) below[edge.parent.role ?? ''] = identify(edge.node);
  const own = countingOptions(given);
  const children = Object.entries(below).map(([role, { options }]) => [role, options] as const);
  const options = { ...own, ...Object.fromEntries(children), driver: given.driver };
  return { exact: exactName(node, own, below), options };
}

function exactName(
  node: BlockNode,
  own: FlatOptions,
  below: Readonly<Record<string, Identity>>,
): string | undefined {
  const named = PROTOCOLS[node.options.driver];
  if (named) return named(own, below);
  const [child, ...others] = node.children;
  const isFormat = node.filtered === undefined && child !== undefined && others.length === 0;
  if (!isFormat || !PROTOCOLS[child.options.driver] || Object.keys(own).length > 0)
    return undefined;
  return below['file']?.exact;
}

function countingOptions(given: CheckedOptions): FlatOptions {
  const names = namesGiven(given);
  const chosen = (COUNTING[given.driver] ?? []).flatMap((path) => {
    const [name = ''] = path.split('.');
    const value = names.includes(name) ? valueAt(given, path) : undefined;
    return value === undefined ? [] : [[path, value] as const];
  });
  return Object.fromEntries(chosen);
}

/** A number, text or boolean among options, by its path. */
function valueAt(options: unknown, path: string): JsonValue | undefined {
  let found = options;
  for (const name of path.split('.')) {
    if (typeof found !== 'object' || found === null) return undefined;
    found = Object.getOwnPropertyDescriptor(found, name)?.value;
  }
  const isScalar = ['number', 'string', 'boolean'].includes(typeof found);
  return isScalar ? (found as number | string | boolean) : undefined;
}

function nameOfExport(own: FlatOptions): string | undefined {
  const { export: name } = own;
  const slash = name === undefined ? '' : `/${name}`;
  if (own['server.type'] === 'unix') {
    return `nbd+unix://${slash}?socket=${own['server.path']}`;
  }
  return `nbd://${own['server.host']}:${own['server.port']}${slash}`;
}
