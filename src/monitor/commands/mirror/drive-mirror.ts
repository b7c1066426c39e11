/** The command `drive-mirror`: copies a disk to an image that it opens, and makes if need be. */

import { BlockError, type BlockErrorCode } from '../../../base/errors.ts';
import type { BlockNode } from '../../../block/node.ts';
import { demandFree } from '../../../jobs/mirror/checks.ts';
import { createImageFile } from '../../../machine/create-image.ts';
import { isJsonName, optionsOfJsonName, protocolOptions } from '../../../machine/filename.ts';
import { enumeration, optional, struct, withDefault } from '../../../wire/qapi/composites.ts';
import { bool, str } from '../../../wire/qapi/scalars.ts';
import { type ValueOf, wholeOf } from '../../../wire/qapi/type.ts';
import type { JsonObject } from '../../../wire/qmp/json-value.ts';
import { defineCommand, type MonitorContext } from '../../command.ts';
import { findRoot } from '../nodes/find.ts';
import {
  copyMembers,
  copyModeMember,
  endMembers,
  jobMembers,
  startMirror,
  startOf,
  syncMember,
} from './arguments.ts';

const imageMode = enumeration('NewImageMode', ['existing', 'absolute-paths']);

const driveMirrorArguments = struct('DriveMirror', {
  ...jobMembers,
  target: str,
  format: optional(str),
  'node-name': optional(str),
  replaces: optional(str),
  ...syncMember,
  mode: withDefault(imageMode, 'absolute-paths'),
  ...copyMembers,
  unmap: withDefault(bool, true),
  ...copyModeMember,
  ...endMembers,
});

type Given = ValueOf<typeof driveMirrorArguments>;

/** The formats that images are made in, and opened as. */
const FORMATS = ['raw', 'file'];

export const driveMirror = defineCommand(
  {
    name: 'drive-mirror',
    summary: 'Starts a job that copies a disk to an image while its guest goes on',
    arguments: driveMirrorArguments,
  },
  async (given, context) => {
    const source = findRoot(context, given.device);
    demandFree(source);
    if (given.replaces !== undefined && given['node-name'] === undefined) {
      const rule = 'a node-name must be provided when replacing a named node of the graph';
      throw refuse('EINVAL', rule);
    }
    const isNew = given.mode === 'absolute-paths';
    const format = isNew ? await createImage(context, source, given) : existingFormat(given);
    const target = await openTarget(context, source, { ...given, format });
    const { graph } = context.machine;
    // It is there for the job, and for who comes to stand on it when the job ends.
    graph.disown(target);
    try {
      const ends = { source: source.name, target: target.name };
      await startMirror(context, { ...startOf(given, context), ...ends, unmap: given.unmap });
    } catch (error) {
      await graph.closeUnused();
      throw error;
    }
  },
);

function existingFormat({ format }: Given): string | undefined {
  if (format === undefined || format === 'nbd' || FORMATS.includes(format)) return format;
  throw refuse('EINVAL', `Unknown driver '${format}'`);
}

/** Makes the image. @returns Its format. */
async function createImage(
  { machine, qemuIo }: MonitorContext,
  source: BlockNode,
  { target, format: wanted, sync }: Given,
): Promise<string> {
  const format = wanted ?? source.options.driver;
  if (!FORMATS.includes(format)) {
    throw wanted === undefined
      ? refuse('ENOTSUP', `Format driver '${format}' does not support image creation`)
      : refuse('EINVAL', `Unknown file format '${format}'`);
  }
  const isBasedOnSource = sync === 'none' || (sync === 'top' && source.backing !== undefined);
  if (isBasedOnSource) {
    throw refuse('ENOTSUP', `Backing file not supported for file format '${format}'`);
  }
  const { driver, filename } = await protocolOptions(target, machine.credentials);
  if (typeof filename !== 'string') {
    throw refuse('ENOTSUP', `Protocol driver '${driver}' does not support image creation`);
  }
  qemuIo.output.print(`Formatting '${target}', fmt=${format} size=${source.size}\n`);
  const image = { path: filename, size: source.size, preallocation: 'off' } as const;
  await createImageFile(machine.env.files, image);
  return format;
}

/** Opens it with the cache options of the source; options are texts here, as names give them. */
async function openTarget(
  { machine }: MonitorContext,
  { options: { cache, unmap } }: BlockNode,
  { target, format, 'node-name': name }: Given,
): Promise<BlockNode> {
  const { optionsType } = machine.graph;
  const own = isJsonName(target)
    ? { ...optionsOfJsonName(target), ...(format !== undefined && { driver: format }) }
    : withFormat(format ?? 'raw', await protocolOptions(target, machine.credentials));
  const onOff = (isOn = false) => (isOn ? 'on' : 'off');
  const options = {
    ...own,
    ...(name !== undefined && { 'node-name': name }),
    cache: { direct: onOff(cache?.direct), 'no-flush': onOff(cache?.noFlush) },
    discard: unmap ? 'unmap' : 'ignore',
  };
  return machine.graph.openChecked(optionsType.read(options, wholeOf('keyval')));
}

function withFormat(format: string, protocol: JsonObject): JsonObject {
  if (format === 'raw') return { driver: 'raw', file: protocol };
  if (format === 'nbd' && protocol['driver'] !== 'nbd') {
    throw refuse('EINVAL', "File name string for NBD must start with 'nbd:'");
  }
  return protocol;
}

function refuse(code: BlockErrorCode, reason: string): BlockError {
  return new BlockError(code, 'start the mirror', reason);
}
