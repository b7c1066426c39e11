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
import type { CheckedOptions } from '../../../block/options.ts';
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

/** The options that count, and what stands for them if they are left out. */
const COUNTING: Readonly<Record<string, FlatOptions>> = {
  file: { filename: null },
  raw: { offset: 0, size: null },
  'null-co': { size: 1024 ** 3, 'read-zeroes': false },
  'null-aio': { size: 1024 ** 3, 'read-zeroes': false },
  nbd: {
    'server.type': null,
    'server.host': null,
    'server.port': null,
    'server.path': null,
    export: '',
    'tls-creds': null,
    'tls-hostname': null,
  },
  throttle: { 'throttle-group': null },
  blkdebug: {
    align: 0,
    'max-transfer': 0,
    'opt-write-zero': 0,
    'max-write-zero': 0,
    'opt-discard': 0,
    'max-discard': 0,
  },
  memory: { size: null },
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

function countingOptions({ driver, ...given }: CheckedOptions): FlatOptions {
  const counting = COUNTING[driver] ?? {};
  const chosen = Object.entries(counting).flatMap(([path, fallback]) => {
    const value = valueAt(given, path);
    return value === undefined || value === fallback ? [] : [[path, value] as const];
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
  const { export: name = '' } = own;
  const slash = name === '' ? '' : `/${name}`;
  if (own['server.type'] === 'unix') {
    return `nbd+unix://${slash}?socket=${own['server.path']}`;
  }
  return `nbd://${own['server.host']}:${own['server.port']}${slash}`;
}
