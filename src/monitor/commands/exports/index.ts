/** All commands about the NBD server and its exports. */

import { blockExportCommands } from './block-export.ts';
import { nbdServerCommands } from './nbd-server.ts';

export const exportCommands = { ...nbdServerCommands, ...blockExportCommands };
