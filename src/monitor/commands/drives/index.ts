/** All commands about drives. */

import type { CommandRegistry } from '../../command.ts';
import { latencyHistogramSet } from './latency-histogram-set.ts';
import { mediaCommands } from './media.ts';
import { queryBlock } from './query-block.ts';
import { setIoThrottle } from './set-io-throttle.ts';

export const driveCommands = {
  ...mediaCommands,
  'block-latency-histogram-set': latencyHistogramSet,
  block_set_io_throttle: setIoThrottle,
  'query-block': queryBlock,
} satisfies CommandRegistry;
