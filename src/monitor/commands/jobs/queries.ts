/** The commands that tell of jobs, the newest first. */

import type { Job } from '../../../jobs/job.ts';
import { EMPTY } from '../../../wire/qapi/command.ts';
import { list } from '../../../wire/qapi/composites.ts';
import type { ValueOf } from '../../../wire/qapi/type.ts';
import { type CommandRegistry, defineCommand, type MonitorContext } from '../../command.ts';
import { blockJobInfo, jobInfo } from '../../schema/job.ts';
import { isBlockJob } from './find.ts';

const queryJobs = defineCommand(
  {
    name: 'query-jobs',
    summary: 'Tells of all jobs',
    arguments: EMPTY,
    returns: list(jobInfo),
  },
  (_given, { machine }) => machine.jobs.all.toReversed().map(describeJob),
);

const queryBlockJobs = defineCommand(
  {
    name: 'query-block-jobs',
    summary: 'Tells of all jobs that work on disks',
    arguments: EMPTY,
    returns: list(blockJobInfo),
  },
  (_given, context) => {
    const jobs = context.machine.jobs.all.filter(isBlockJob);
    return jobs.toReversed().map((job) => describeBlockJob(job, context));
  },
);

export const jobQueries: CommandRegistry = {
  'query-jobs': queryJobs,
  'query-block-jobs': queryBlockJobs,
};

function describeJob({ id, type, state }: Job): ValueOf<typeof jobInfo> {
  const { status, offset, len, error } = state;
  return { id, type, status, 'current-progress': offset, 'total-progress': len, error };
}

/** What `query-block-jobs` tells of one job. */
function describeBlockJob(job: Job, { machine }: MonitorContext): ValueOf<typeof blockJobInfo> {
  const { device, len, offset, busy, paused, speed, ready, status, error, ...rest } = job.state;
  return {
    type: 'mirror',
    device,
    len,
    offset,
    busy,
    paused,
    speed,
    'io-status': rest.ioStatus,
    ready,
    status,
    'auto-finalize': rest.autoFinalize,
    'auto-dismiss': rest.autoDismiss,
    error,
    'actively-synced': machine.jobs.mirrorOf(job)?.progress().activelySynced ?? false,
  };
}
