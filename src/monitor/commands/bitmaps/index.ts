/** All commands about dirty bitmaps, and the transaction of several. */

import { type CommandRegistry, defineCommand } from '../../command.ts';
import { dirtyBitmap, dirtyBitmapSha256 } from '../../schema/bitmap.ts';
import { BITMAP_ACTIONS, findNode } from './actions.ts';
import { transaction } from './transaction.ts';

/** Each action as a transaction of one. */
const alone = Object.entries(BITMAP_ACTIONS).map(([name, { summary, data, perform }]) => {
  const command = defineCommand({ name, summary, arguments: data }, (given, context) =>
    perform(given, context).commit?.(),
  );
  return [name, command] as const;
});

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
  ...Object.fromEntries(alone),
  'x-debug-block-dirty-bitmap-sha256': sha256,
  transaction,
};
