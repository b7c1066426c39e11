/** The command `blockdev-mirror`: copies a disk to another one of the machine. */

import { optional, struct, withDefault } from '../../../wire/qapi/composites.ts';
import { bool, str } from '../../../wire/qapi/scalars.ts';
import { defineCommand } from '../../command.ts';
import { findDisk, findRoot } from '../nodes/find.ts';
import {
  copyMembers,
  copyModeMember,
  endMembers,
  jobMembers,
  startMirror,
  startOf,
  syncMember,
} from './arguments.ts';

export const blockdevMirror = defineCommand(
  {
    name: 'blockdev-mirror',
    summary: 'Starts a job that copies a disk to another while its guest goes on',
    arguments: struct('q_obj_blockdev-mirror-arg', {
      ...jobMembers,
      target: str,
      replaces: optional(str),
      ...syncMember,
      ...copyMembers,
      'filter-node-name': optional(str),
      ...copyModeMember,
      ...endMembers,
      'target-is-zero': withDefault(bool, false),
    }),
  },
  async (given, context) => {
    const source = findRoot(context, given.device).name;
    const target = findDisk(context, { device: given.target, nodeName: given.target }).name;
    const filterNodeName = given['filter-node-name'];
    await startMirror(context, {
      ...startOf(given, context),
      source,
      target,
      targetIsZero: given['target-is-zero'],
      ...(filterNodeName !== undefined && { filterNodeName }),
    });
  },
);
