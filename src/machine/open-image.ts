/**
 * Opens an image by its file name, as `-drive` does: with options for the node and those in it, and
 * a guess at the format where none is given.
 */

import { BlockError } from '../base/errors.ts';
import type { BlockNode } from '../block/node.ts';
import { guessFormat, SIGNATURE_LENGTH } from '../drivers/formats.ts';
import { wholeOf } from '../wire/qapi/type.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../wire/qmp/json-value.ts';
import { isJsonName, optionsOfJsonName, protocolOptions } from './filename.ts';
import type { Machine } from './machine.ts';

/** An image to be opened. */
export interface ImageFile {
  /** As QEMU takes it; not needed where the options say it all. */
  readonly filename?: string | undefined;
  /** @default What `options` say, or else what the image looks like. */
  readonly format?: string | undefined;
  /** Of the node, and in `file` of the one below; all scalars as texts. */
  readonly options?: JsonObject;
}

/** Drivers that stand on no other. */
const PROTOCOLS: ReadonlySet<string> = new Set(['file', 'nbd', 'null-co', 'null-aio', 'memory']);

/**
 * Opens an image.
 *
 * @throws {BlockError} As `BlockGraph.open`; `EINVAL` for a format that there is not here.
 */
export async function openImage(machine: Machine, image: ImageFile): Promise<BlockNode> {
  const { graph } = machine;
  const tree = withFileDriver(await treeOf(machine, image));
  const isGuessed = tree['driver'] === undefined;
  if (isGuessed) await demandRaw(machine, image, tree['file']);
  const options = isGuessed ? { ...tree, driver: 'raw' } : tree;
  demandKnown(machine, options);
  const checked = graph.optionsType.read(options, wholeOf('keyval'));
  return graph.openChecked(checked, { isGuessed });
}

/** Puts the file under the options, or among them where the driver itself is what opens files. */
async function treeOf(
  { credentials }: Machine,
  { filename, format, options = {} }: ImageFile,
): Promise<JsonObject> {
  if (format !== undefined && options['driver'] !== undefined) {
    throw refuse("Cannot specify both 'driver' and 'format'");
  }
  const given = format === undefined ? options : { ...options, driver: format };
  if (filename === undefined) return given;
  if (isJsonName(filename)) return merge(optionsOfJsonName(filename), given);
  const { driver, file = {} } = given;
  if (driver === 'file') return { ...given, filename };
  const below = await protocolOptions(filename, credentials);
  if (PROTOCOLS.has(`${driver}`)) {
    if (driver === below['driver']) return { ...below, ...given };
    throw refuse(`The only allowed filename for this driver is '${driver}://'`);
  }
  if (!isJsonObject(file)) throw refuse('Cannot reference an existing block device by two names');
  if (file['filename'] !== undefined) {
    throw refuse("Can't specify 'file' and 'filename' options at the same time");
  }
  return { ...given, file: placed(below, file) };
}

/** Puts the file under the options, below those of raw nodes that are said to stand on it. */
function placed(below: JsonObject, options: JsonObject): JsonObject {
  const { driver, file = {} } = options;
  if (driver !== 'raw' || !isJsonObject(file)) return merge(below, options);
  return { ...options, file: placed(below, file) };
}

/** A node below whose driver nobody said is a file. */
function withFileDriver(tree: JsonObject): JsonObject {
  const { file } = tree;
  if (file === undefined || !isJsonObject(file)) return tree;
  return { ...tree, file: { driver: 'file', ...file } };
}

/** The options of both; where they say different things, of the second. */
function merge(one: JsonObject, other: JsonObject): JsonObject {
  const merged: Record<string, JsonValue> = { ...one };
  for (const [name, value] of Object.entries(other)) {
    const before = merged[name];
    const areBoth = before !== undefined && isJsonObject(before) && isJsonObject(value);
    merged[name] = areBoth ? merge(before, value) : value;
  }
  return merged;
}

/** Looks at the image below a node whose format nobody said. */
async function demandRaw(
  machine: Machine,
  { filename }: ImageFile,
  file: JsonValue | undefined,
): Promise<void> {
  if (file === undefined || !isJsonObject(file)) {
    throw refuse('Must specify either driver or file');
  }
  const { graph } = machine;
  const options = { ...file, 'read-only': 'on' };
  demandKnown(machine, options);
  const node = await graph.openChecked(graph.optionsType.read(options, wholeOf('keyval')));
  const beginning = new Uint8Array(Math.min(SIGNATURE_LENGTH, node.size));
  try {
    await node.read(0, beginning);
  } finally {
    await graph.close(node);
  }
  const format = guessFormat(beginning);
  if (format !== 'raw') throw refuse(`Unknown driver '${format}'`);
  const name = filename ?? `${file['filename'] ?? `${file['driver']}://`}`;
  machine.warn(
    `WARNING: Image format was not specified for '${name}' and probing guessed raw.
         Automatically detecting the format is dangerous for raw images, \
write operations on block 0 will be restricted.
         Specify the 'raw' format explicitly to remove the restrictions.`,
  );
}

/** Says in the words that QEMU has for `-drive` what it says otherwise for `-blockdev`. */
function demandKnown(machine: Machine, options: JsonObject): void {
  const { members, branches = {} } = machine.graph.optionsType.shape;
  const driver = `${options['driver']}`;
  const own = Object.hasOwn(branches, driver) ? branches[driver] : undefined;
  if (!own) throw refuse(`Unknown driver '${driver}'`);
  const known = { ...members, ...own.shape.members };
  const { file, backing } = options;
  if (Object.hasOwn(known, 'file') && file === undefined) {
    throw refuse('A block device must be specified for "file"');
  }
  if (backing !== undefined && !Object.hasOwn(known, 'backing')) {
    throw refuse("Driver doesn't support backing files");
  }
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(known, name));
  if (unknown !== undefined) {
    throw refuse(
      PROTOCOLS.has(driver)
        ? `Block protocol '${driver}' doesn't support the option '${unknown}'`
        : `Block format '${driver}' does not support the option '${unknown}'`,
    );
  }
  if (file !== undefined && isJsonObject(file)) demandKnown(machine, file);
}

function refuse(reason: string): BlockError {
  return new BlockError('EINVAL', 'open the image', reason);
}
