/** The command `block_resize`: changes the size of a disk while it is in use. */

import { BlockError, type BlockErrorCode } from '../../../base/errors.ts';
import { optional, struct } from '../../../wire/qapi/composites.ts';
import { int, str } from '../../../wire/qapi/scalars.ts';
import { defineCommand } from '../../command.ts';
import { findDisk } from './find.ts';

export const blockResize = defineCommand(
  {
    name: 'block_resize',
    summary: 'Changes the size of a disk',
    arguments: struct('q_obj_block_resize-arg', {
      device: optional(str),
      'node-name': optional(str),
      size: int,
    }),
  },
  async ({ device, 'node-name': nodeName, size }, context) => {
    const node = findDisk(context, { device, nodeName });
    const refuse = (code: BlockErrorCode, reason: string) =>
      new BlockError(code, `resize "${node.name}"`, reason);
    if (size < 0) throw refuse('EINVAL', "Parameter 'size' expects a >0 size");
    const isInJob = [...node.parents].some(({ parent }) => parent.kind === 'job');
    // QEMU's words, for want of a device's name too.
    if (isInJob) throw refuse('EBUSY', `Device '${device ?? '(null)'}' is in use`);
    await context.machine.bitmaps.resize(node, size);
  },
);
