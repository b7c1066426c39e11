/** `block-export-add`, `block-export-del`, `query-block-exports`, and what there was before. */

import { BlockError, type BlockErrorCode } from '../../../base/errors.ts';
import { isIdentifier } from '../../../base/identifier.ts';
import type { MachineExports } from '../../../machine/exports.ts';
import { EMPTY } from '../../../wire/qapi/command.ts';
import {
  alternate,
  enumeration,
  list,
  optional,
  struct,
  union,
  withDefault,
} from '../../../wire/qapi/composites.ts';
import { bool, str } from '../../../wire/qapi/scalars.ts';
import { defineCommand } from '../../command.ts';
import { findDisk } from '../nodes/find.ts';

const exportType = enumeration('BlockExportType', ['nbd']);
const removalMode = withDefault(enumeration('BlockExportRemoveMode', ['safe', 'hard']), 'safe');
const bitmap = alternate('BlockDirtyBitmapOrStr', [
  str,
  struct('BlockDirtyBitmap', { node: str, name: str }),
]);

const add = defineCommand(
  {
    name: 'block-export-add',
    summary: 'Exports a disk to NBD clients',
    arguments: union('BlockExportOptions', {
      members: {
        type: exportType,
        id: str,
        'fixed-iothread': optional(bool),
        iothread: optional(str),
        'node-name': str,
        writable: withDefault(bool, false),
        writethrough: withDefault(bool, false),
      },
      tag: 'type',
      branches: {
        nbd: struct('BlockExportOptionsNbd', {
          name: optional(str),
          description: optional(str),
          bitmaps: optional(list(bitmap)),
          'allocation-depth': withDefault(bool, false),
        }),
      },
    }),
    returns: EMPTY,
  },
  (given, context) => {
    const { id, 'node-name': nodeName, writable, name, description, bitmaps } = given;
    const { exports, objects } = context.machine;
    demandFree(exports, id);
    findDisk(context, { nodeName });
    if (given.iothread !== undefined && objects.all.get(given.iothread)?.type !== 'iothread') {
      throw refuse('ENOENT', `iothread "${given.iothread}" not found`);
    }
    for (const option of ['writethrough', 'allocation-depth'] as const) {
      if (given[option]) throw refuse('ENOTSUP', `Parameter '${option}' is not supported`);
    }
    exports.add({ id, nodeName, writable, name, description, bitmaps });
    return {};
  },
);

const remove = defineCommand(
  {
    name: 'block-export-del',
    summary: 'Takes an export away, if nobody uses it or it is to be gone all the same',
    arguments: struct('q_obj_block-export-del-arg', { id: str, mode: removalMode }),
    returns: EMPTY,
  },
  async ({ id, mode }, { machine: { exports } }) => {
    await exports.remove(id, mode);
    return {};
  },
);

const query = defineCommand(
  {
    name: 'query-block-exports',
    summary: 'Tells of all exports',
    arguments: EMPTY,
    returns: list(
      struct('BlockExportInfo', {
        id: str,
        type: exportType,
        'node-name': str,
        'shutting-down': bool,
      }),
    ),
  },
  (_given, { machine: { exports } }) => exports.query(),
);

const nbdServerAdd = defineCommand(
  {
    name: 'nbd-server-add',
    summary: 'Exports a disk to NBD clients; block-export-add in older words',
    features: ['deprecated'],
    arguments: struct('NbdServerAddOptions', {
      name: optional(str),
      description: optional(str),
      device: str,
      writable: withDefault(bool, false),
      bitmap: optional(str),
    }),
    returns: EMPTY,
  },
  ({ device, name = device, description, writable, bitmap: shown }, context) => {
    const { exports, drives } = context.machine;
    const node = findDisk(context, { device, nodeName: device });
    demandFree(exports, name);
    exports.add({
      id: name,
      nodeName: node.name,
      drive: drives.find(device),
      name,
      description,
      // Older programs ask for more than there is.
      writable: writable && !node.options.readOnly,
      bitmaps: shown === undefined ? [] : [shown],
    });
    return {};
  },
);

const nbdServerRemove = defineCommand(
  {
    name: 'nbd-server-remove',
    summary: 'Takes an export away; block-export-del in older words',
    features: ['deprecated'],
    arguments: struct('q_obj_nbd-server-remove-arg', { name: str, mode: removalMode }),
    returns: EMPTY,
  },
  async ({ name, mode }, { machine: { exports } }) => {
    await exports.remove(name, mode);
    return {};
  },
);

/** The commands about exports. */
export const blockExportCommands = {
  'block-export-add': add,
  'block-export-del': remove,
  'query-block-exports': query,
  'nbd-server-add': nbdServerAdd,
  'nbd-server-remove': nbdServerRemove,
};

function demandFree(exports: MachineExports, id: string): void {
  if (!isIdentifier(id)) throw refuse('EINVAL', 'Invalid block export id');
  if (exports.query().every((info) => info.id !== id)) return;
  throw refuse('EEXIST', `Block export id '${id}' is already in use`);
}

function refuse(code: BlockErrorCode, reason: string): BlockError {
  return new BlockError(code, 'export a disk', reason);
}
