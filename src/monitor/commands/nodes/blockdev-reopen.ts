/** The command `blockdev-reopen`: gives nodes other options while they are in use. */

import { list, struct } from '../../../wire/qapi/composites.ts';
import { defineCommand } from '../../command.ts';
import { blockdevOptions } from '../../schema/blockdev.ts';

export const blockdevReopen = defineCommand(
  {
    name: 'blockdev-reopen',
    summary: 'Gives nodes other options, all of them or none',
    arguments: struct('q_obj_blockdev-reopen-arg', { options: list(blockdevOptions) }),
  },
  async ({ options }, { machine }) => {
    await machine.graph.reopenChecked(options);
  },
);
