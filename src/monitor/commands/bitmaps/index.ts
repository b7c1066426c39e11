/** All commands about dirty bitmaps, and the transaction of several. */

import { type CommandRegistry, defineCommand, type MonitorContext } from '../../command.ts';
import {
  dirtyBitmap,
  dirtyBitmapAdd,
  dirtyBitmapMerge,
  dirtyBitmapSha256,
} from '../../schema/bitmap.ts';
import {
  addBitmap,
  clearBitmap,
  type Done,
  disableBitmap,
  enableBitmap,
  findNode,
  mergeBitmaps,
  removeBitmap,
} from './actions.ts';
import { transaction } from './transaction.ts';

const add = defineCommand(
  {
    name: 'block-dirty-bitmap-add',
    summary: 'Adds a bitmap that marks what changes on a disk',
    arguments: dirtyBitmapAdd,
  },
  alone(addBitmap),
);

const remove = defineCommand(
  {
    name: 'block-dirty-bitmap-remove',
    summary: 'Removes a bitmap',
    arguments: dirtyBitmap,
  },
  alone(removeBitmap),
);

const clear = defineCommand(
  {
    name: 'block-dirty-bitmap-clear',
    summary: 'Makes everything clean in a bitmap',
    arguments: dirtyBitmap,
  },
  alone(clearBitmap),
);

const enable = defineCommand(
  {
    name: 'block-dirty-bitmap-enable',
    summary: 'Has a bitmap mark what changes from now on',
    arguments: dirtyBitmap,
  },
  alone(enableBitmap),
);

const disable = defineCommand(
  {
    name: 'block-dirty-bitmap-disable',
    summary: 'Has a bitmap stay as it is now',
    arguments: dirtyBitmap,
  },
  alone(disableBitmap),
);

const merge = defineCommand(
  {
    name: 'block-dirty-bitmap-merge',
    summary: 'Makes dirty in a bitmap what is dirty in some others',
    arguments: dirtyBitmapMerge,
  },
  alone(mergeBitmaps),
);

const sha256 = defineCommand(
  {
    name: 'x-debug-block-dirty-bitmap-sha256',
    summary: 'Tells the SHA-256 of the bits of a bitmap',
    arguments: dirtyBitmap,
    returns: dirtyBitmapSha256,
    features: ['unstable'],
  },
  ({ node, name }, context) => {
    const bitmap = context.machine.bitmaps.get(findNode(context, node), name);
    return { sha256: bitmap.checksum() };
  },
);

export const bitmapCommands: CommandRegistry = {
  'block-dirty-bitmap-add': add,
  'block-dirty-bitmap-remove': remove,
  'block-dirty-bitmap-clear': clear,
  'block-dirty-bitmap-enable': enable,
  'block-dirty-bitmap-disable': disable,
  'block-dirty-bitmap-merge': merge,
  'x-debug-block-dirty-bitmap-sha256': sha256,
  transaction,
};

/** An action as a transaction of one. */
function alone<Given>(action: (given: Given, context: MonitorContext) => Done) {
  return (given: Given, context: MonitorContext) => action(given, context).commit?.();
}
