/** The command `blockdev-del`: closes a node that was opened by itself. */

import { BlockError } from '../../../base/errors.ts';
import type { BlockNode } from '../../../block/node.ts';
import { demandFree } from '../../../jobs/mirror/checks.ts';
import { struct } from '../../../wire/qapi/composites.ts';
import { str } from '../../../wire/qapi/scalars.ts';
import { defineCommand } from '../../command.ts';

export const blockdevDel = defineCommand(
  {
    name: 'blockdev-del',
    summary: 'Closes a node that nobody uses',
    arguments: struct('q_obj_blockdev-del-arg', { 'node-name': str }),
  },
  async ({ 'node-name': name }, { machine }) => {
    const { graph } = machine;
    const node = graph.find(name);
    if (hasUser(node)) throw inUse(`Node ${name} is in use`);
    demandFree(node);
    if (!graph.isOwned(node)) throw inUse(`Node ${name} is not owned by the monitor`);
    if (node.parents.size > 0) throw inUse(`Block device ${name} is in use`);
    await graph.close(node);
  },
);

/** Whether a device, an export or the like uses it, rather than another node. */
function hasUser({ parents }: BlockNode): boolean {
  return [...parents].some(({ parent, owner }) => !owner && parent.role === undefined);
}

function inUse(reason: string): BlockError {
  return new BlockError('EBUSY', 'close the node', reason);
}
