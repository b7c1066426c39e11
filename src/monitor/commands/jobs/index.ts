/** All commands about jobs. */

import type { CommandRegistry } from '../../command.ts';
import { jobChanges } from './change.ts';
import { jobQueries } from './queries.ts';
import { jobVerbs } from './verbs.ts';

export const jobCommands: CommandRegistry = {
  ...jobVerbs,
  ...jobChanges,
  ...jobQueries,
};
