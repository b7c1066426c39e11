/** The commands that only let time pass: `sleep` and `aio_flush`. */

import { sleep as passTime } from '../../../env/env.ts';
import type { IoCommand } from './command.ts';
import { counted } from './detached.ts';
import { readDelayMs } from './numbers.ts';

export const sleep: IoCommand = {
  name: 'sleep',
  summary: 'waits for the given value in milliseconds',
  countMin: 1,
  async run([delay = ''], { machine }) {
    await passTime(machine.env.clock, readDelayMs(delay));
  },
};

export const aioFlush: IoCommand = {
  name: 'aio_flush',
  summary: 'completes all outstanding aio requests',
  // As in QEMU, it flushes nothing but counts as if it did.
  run: (_words, context) => counted('flush', 0, context, () => context.whenIdle()),
};
