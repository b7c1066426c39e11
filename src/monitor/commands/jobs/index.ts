/** All commands about jobs. */

import type { CommandRegistry } from '../../command.ts';
import { blockJobChange } from './change.ts';
import { jobQueries } from './queries.ts';
import { jobVerbs } from './verbs.ts';

export const jobCommands: CommandRegistry = {
  ...jobVerbs,
  'block-job-change': blockJobChange,
  ...jobQueries,
};
