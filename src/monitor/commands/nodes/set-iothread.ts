/** The command `x-blockdev-set-iothread`: says where requests are to be served. */

import { BlockError, type BlockErrorCode } from '../../../base/errors.ts';
import { alternate, optional, struct } from '../../../wire/qapi/composites.ts';
import { bool, nothing, str } from '../../../wire/qapi/scalars.ts';
import { defineCommand } from '../../command.ts';

/** All requests are served by the one thread there is, as if it were the one that was named. */
export const blockdevSetIothread = defineCommand(
  {
    name: 'x-blockdev-set-iothread',
    summary: 'Moves a node to an iothread, or away from it; nothing comes of that here',
    arguments: struct('q_obj_x-blockdev-set-iothread-arg', {
      'node-name': str,
      iothread: alternate('StrOrNull', [str, nothing]),
      force: optional(bool),
    }),
    features: ['unstable'],
  },
  ({ 'node-name': name, iothread, force = false }, { machine }) => {
    const refuse = (code: BlockErrorCode, reason: string) =>
      new BlockError(code, `move "${name}" to an iothread`, reason);
    const node = machine.graph.nodes.find((each) => each.name === name);
    if (!node) throw refuse('ENOENT', `Failed to find node with node-name='${name}'`);
    const isUsed = [...node.parents].some(({ owner }) => !owner);
    if (isUsed && !force) {
      const rule = 'is associated with a BlockBackend and could be in use';
      throw refuse('EBUSY', `Node ${name} ${rule} (use force=true to override this check)`);
    }
    if (iothread !== null) machine.objects.ioThread(iothread);
  },
);
