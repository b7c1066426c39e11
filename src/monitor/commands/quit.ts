/** `quit`. */

import { EMPTY } from '../../wire/qapi/command.ts';
import { defineCommand } from '../command.ts';

export const quit = defineCommand(
  {
    name: 'quit',
    summary: 'Ends the program: cancels the jobs, closes exports and disks, and answers',
    arguments: EMPTY,
    returns: EMPTY,
  },
  async (_given, context) => {
    await context.quit();
    return {};
  },
);
