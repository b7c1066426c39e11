#!/usr/bin/env node
/** The `mirrordisk` program. */

import { nodeEnv } from '../env/node.ts';
import { main } from './main.ts';
import { processIo } from './process-io.ts';

process.exitCode = await main(process.argv.slice(2), processIo(nodeEnv()));
