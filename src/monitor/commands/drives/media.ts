/** The commands that move trays, and take media out of drives and put others in. */

import { BlockError } from '../../../base/errors.ts';
import {
  changeMedium,
  closeTray,
  insertMedium,
  openTray,
  removeMedium,
} from '../../../machine/media.ts';
import { enumeration, optional, struct, withDefault } from '../../../wire/qapi/composites.ts';
import { bool, str } from '../../../wire/qapi/scalars.ts';
import { type CommandRegistry, defineCommand } from '../../command.ts';
import { driveName, findDrive } from './find.ts';

// No tray is ever locked here, so that nothing has to be forced.
const force = withDefault(bool, false);

const openTrayCommand = defineCommand(
  {
    name: 'blockdev-open-tray',
    summary: 'Opens the tray of a drive',
    arguments: struct('q_obj_blockdev-open-tray-arg', { ...driveName, force }),
  },
  (given, context) => openTray(findDrive(context, given)),
);

const closeTrayCommand = defineCommand(
  {
    name: 'blockdev-close-tray',
    summary: 'Closes the tray of a drive',
    arguments: struct('q_obj_blockdev-close-tray-arg', driveName),
  },
  (given, context) => closeTray(findDrive(context, given)),
);

const removeMediumCommand = defineCommand(
  {
    name: 'blockdev-remove-medium',
    summary: 'Takes the medium out of a drive whose tray is open',
    arguments: struct('q_obj_blockdev-remove-medium-arg', { id: str }),
  },
  (given, context) => removeMedium(context.machine, findDrive(context, given)),
);

const insertMediumCommand = defineCommand(
  {
    name: 'blockdev-insert-medium',
    summary: 'Puts a node into a drive whose tray is open',
    arguments: struct('q_obj_blockdev-insert-medium-arg', { id: str, 'node-name': str }),
  },
  ({ id, 'node-name': nodeName }, context) => {
    const named = findDrive(context, { id });
    const { graph, drives } = context.machine;
    const node = graph.nodes.find(({ name }) => name === nodeName);
    if (!node) throw new BlockError('ENODEV', 'insert a node', `Node '${nodeName}' not found`);
    if (drives.all.some(({ medium }) => medium === graph.entryOf(node))) {
      throw new BlockError('EBUSY', 'insert a node', `Node '${nodeName}' is already in use`);
    }
    insertMedium(named, node);
  },
);

const ejectCommand = defineCommand(
  {
    name: 'eject',
    summary: 'Opens the tray of a drive and takes its medium out',
    arguments: struct('q_obj_eject-arg', { ...driveName, force }),
  },
  async (given, context) => {
    const named = findDrive(context, given);
    openTray(named);
    await removeMedium(context.machine, named);
  },
);

const readOnlyMode = enumeration('BlockdevChangeReadOnlyMode', [
  'retain',
  'read-only',
  'read-write',
]);

const changeMediumCommand = defineCommand(
  {
    name: 'blockdev-change-medium',
    summary: 'Puts an image into a drive, in the place of what is there',
    arguments: struct('q_obj_blockdev-change-medium-arg', {
      ...driveName,
      filename: str,
      format: optional(str),
      force,
      'read-only-mode': withDefault(readOnlyMode, 'retain'),
    }),
  },
  async (given, context) => {
    const { filename, format, 'read-only-mode': mode } = given;
    const readOnly = mode === 'retain' ? undefined : mode === 'read-only';
    const change = { filename, format, readOnly };
    await changeMedium(context.machine, findDrive(context, given), change);
  },
);

export const mediaCommands = {
  'blockdev-open-tray': openTrayCommand,
  'blockdev-close-tray': closeTrayCommand,
  'blockdev-remove-medium': removeMediumCommand,
  'blockdev-insert-medium': insertMediumCommand,
  eject: ejectCommand,
  'blockdev-change-medium': changeMediumCommand,
} satisfies CommandRegistry;
