#!/usr/bin/env node
/** The `mirrordisk` program. */

import { nodeEnv } from '../env/node.ts';
import { main } from './main.ts';
import { processIo } from './process-io.ts';

const io = processIo(nodeEnv());
io.finish(await main(process.argv.slice(2), io));
