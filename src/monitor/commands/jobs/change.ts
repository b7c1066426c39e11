/** The commands that alter how a running job works: of QEMU 8.2, and as proposed after it. */

import { BlockError } from '../../../base/errors.ts';
import type { Job } from '../../../jobs/job.ts';
import { struct, union } from '../../../wire/qapi/composites.ts';
import { str } from '../../../wire/qapi/scalars.ts';
import {
  type CommandRegistry,
  defineCommand,
  type MonitorCommand,
  type MonitorContext,
} from '../../command.ts';
import { jobType, mirrorCopyMode } from '../../schema/job.ts';
import { findBlockJob, findJob } from './find.ts';

const options = union('BlockJobChangeOptions', {
  members: { id: str, type: jobType },
  tag: 'type',
  branches: { mirror: struct('BlockJobChangeOptionsMirror', { 'copy-mode': mirrorCopyMode }) },
});

export const jobChanges: CommandRegistry = {
  'block-job-change': changing('block-job-change', findBlockJob),
  'job-change': changing('job-change', findJob),
};

function changing(
  name: string,
  find: (context: MonitorContext, id: string) => Job,
): MonitorCommand {
  const summary = 'Changes how guest writes reach the target of a mirror';
  return defineCommand({ name, summary, arguments: options }, (change, context) => {
    const job = find(context, change.id);
    const mirror = context.machine.jobs.mirrorOf(job);
    if (change.type !== 'mirror' || !mirror) {
      const reason = 'Job type does not support change';
      throw new BlockError('ENOTSUP', `change the job "${change.id}"`, reason);
    }
    job.change(() => mirror.setCopyMode(change['copy-mode']));
  });
}
