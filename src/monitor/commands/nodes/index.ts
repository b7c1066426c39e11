/** All commands about nodes. */

import type { CommandRegistry } from '../../command.ts';
import { blockResize } from './block-resize.ts';
import { blockdevAdd } from './blockdev-add.ts';
import { blockdevCreate } from './blockdev-create.ts';
import { blockdevDel } from './blockdev-del.ts';
import { blockdevReopen } from './blockdev-reopen.ts';
import { queryBlockGraph } from './query-block-graph.ts';
import { queryBlockstats } from './query-blockstats.ts';
import { queryNamedBlockNodes } from './query-named-block-nodes.ts';
import { blockdevSetIothread } from './set-iothread.ts';
import { blockSetWriteThreshold } from './write-threshold.ts';

export const nodeCommands: CommandRegistry = {
  'query-blockstats': queryBlockstats,
  block_resize: blockResize,
  'query-named-block-nodes': queryNamedBlockNodes,
  'x-debug-query-block-graph': queryBlockGraph,
  'blockdev-add': blockdevAdd,
  'blockdev-reopen': blockdevReopen,
  'blockdev-del': blockdevDel,
  'x-blockdev-set-iothread': blockdevSetIothread,
  'blockdev-create': blockdevCreate,
  'block-set-write-threshold': blockSetWriteThreshold,
};
