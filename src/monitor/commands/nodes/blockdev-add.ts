/** The command `blockdev-add`: opens a node, and those inside its options. */

import { BlockError } from '../../../base/errors.ts';
import { defineCommand } from '../../command.ts';
import { blockdevOptions } from '../../schema/blockdev.ts';

export const blockdevAdd = defineCommand(
  {
    name: 'blockdev-add',
    summary: 'Opens a node',
    arguments: blockdevOptions,
  },
  async (options, { machine }) => {
    if (options['node-name'] === undefined) {
      const reason = "'node-name' must be specified for the root node";
      throw new BlockError('EINVAL', 'open a node', reason);
    }
    await machine.graph.openChecked(options);
  },
);
