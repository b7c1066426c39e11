/** The command `block-set-write-threshold`: for who enlarges a disk's storage as it fills up. */

import { BlockError } from '../../../base/errors.ts';
import { struct } from '../../../wire/qapi/composites.ts';
import { str, uint64 } from '../../../wire/qapi/scalars.ts';
import { defineCommand } from '../../command.ts';

export const blockSetWriteThreshold = defineCommand(
  {
    name: 'block-set-write-threshold',
    summary: 'Has BLOCK_WRITE_THRESHOLD sent when a write reaches beyond a mark; 0 is none',
    arguments: struct('q_obj_block-set-write-threshold-arg', {
      'node-name': str,
      'write-threshold': uint64,
    }),
  },
  ({ 'node-name': name, 'write-threshold': offset }, { machine }) => {
    const node = machine.graph.nodes.find((each) => each.name === name);
    if (!node) {
      throw new BlockError('ENODEV', `watch "${name}"`, `Device '${name}' not found`);
    }
    machine.setWriteThreshold(node, offset);
  },
);
