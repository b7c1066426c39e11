/** The command `query-named-block-nodes`: tells of all nodes, the newest first. */

import { list, struct, withDefault } from '../../../wire/qapi/composites.ts';
import { bool } from '../../../wire/qapi/scalars.ts';
import { defineCommand } from '../../command.ts';
import { blockDeviceInfo } from '../../schema/block-info.ts';
import { describeNode } from './describe.ts';

export const queryNamedBlockNodes = defineCommand(
  {
    name: 'query-named-block-nodes',
    summary: 'Tells of all nodes',
    arguments: struct('q_obj_query-named-block-nodes-arg', { flat: withDefault(bool, false) }),
    returns: list(blockDeviceInfo),
  },
  (options, context) => {
    const nodes = context.machine.graph.nodes.toReversed();
    return Promise.all(nodes.map((node) => describeNode(node, context, options)));
  },
);
