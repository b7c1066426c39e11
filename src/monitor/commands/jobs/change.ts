/** The command `block-job-change` (QEMU 8.2): alters how a running job works. */

import { BlockError } from '../../../base/errors.ts';
import { struct, union } from '../../../wire/qapi/composites.ts';
import { str } from '../../../wire/qapi/scalars.ts';
import { defineCommand } from '../../command.ts';
import { jobType, mirrorCopyMode } from '../../schema/job.ts';
import { findBlockJob } from './find.ts';

const options = union('BlockJobChangeOptions', {
  members: { id: str, type: jobType },
  tag: 'type',
  branches: { mirror: struct('BlockJobChangeOptionsMirror', { 'copy-mode': mirrorCopyMode }) },
});

export const blockJobChange = defineCommand(
  {
    name: 'block-job-change',
    summary: 'Changes how guest writes reach the target of a mirror',
    arguments: options,
  },
  (change, context) => {
    const job = findBlockJob(context, change.id);
    const mirror = context.machine.jobs.mirrorOf(job);
    if (change.type !== 'mirror' || !mirror) {
      const reason = 'Job type does not support change';
      throw new BlockError('ENOTSUP', `change the job "${change.id}"`, reason);
    }
    job.change(() => mirror.setCopyMode(change['copy-mode']));
  },
);
