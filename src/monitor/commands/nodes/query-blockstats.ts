/** The command `query-blockstats`. */

import { list, struct, withDefault } from '../../../wire/qapi/composites.ts';
import { bool } from '../../../wire/qapi/scalars.ts';
import { defineCommand } from '../../command.ts';
import { blockStats } from '../../schema/block-stats.ts';
import { driveStatsOf } from '../drives/stats.ts';
import { statsOf } from './stats.ts';

export const queryBlockstats = defineCommand(
  {
    name: 'query-blockstats',
    summary: 'Tells what is counted of all devices, or of all nodes',
    arguments: struct('q_obj_query-blockstats-arg', { 'query-nodes': withDefault(bool, false) }),
    returns: list(blockStats),
  },
  ({ 'query-nodes': ofNodes }, { machine: { graph, drives, env } }) => {
    if (ofNodes) return graph.nodes.map(statsOf);
    const shown = drives.all.filter(({ name, device }) => name !== '' || device);
    return shown.map((drive) => driveStatsOf(drive, env.clock.nowMs()));
  },
);
