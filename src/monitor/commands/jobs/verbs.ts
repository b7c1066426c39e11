/**
 * What a job can be asked to do, by one of two families of commands: `job-*` for all jobs, and the
 * older `block-job-*` for those that work on disks.
 *
 *     job-pause id          block-job-pause device          and so for resume and complete
 *     job-finalize id       block-job-finalize id           and so for dismiss
 *     job-cancel id         block-job-cancel device force
 *                           block-job-set-speed device speed
 *
 * A job that only waits for its time comes to rest, and goes on, before the command is answered,
 * and so its events are told first; and so are those of a pending job that is ended.
 */

import type { Job } from '../../../jobs/job.ts';
import { struct, withDefault } from '../../../wire/qapi/composites.ts';
import { bool, int, str } from '../../../wire/qapi/scalars.ts';
import { type CommandRegistry, defineCommand, type MonitorCommand } from '../../command.ts';
import { findBlockJob, findJob } from './find.ts';

interface Verb {
  readonly summary: string;
  readonly run: (job: Job) => void | Promise<void>;
}

const pause: Verb = {
  summary: 'Pauses a job',
  run: (job) => job.pause(),
};

const resume: Verb = {
  summary: 'Lets a paused job go on',
  run: (job) => job.resume(),
};

const complete: Verb = {
  summary: 'Has a job that is ready end as it was meant to',
  run: (job) => job.complete(),
};

const finalize: Verb = {
  summary: 'Lets the result of a pending job, and of its transaction, count',
  async run(job) {
    job.finalize();
    await job.finished;
  },
};

const dismiss: Verb = {
  summary: 'Forgets a concluded job',
  run: (job) => job.dismiss(),
};

const cancel: Verb = {
  summary: 'Ends a job at once',
  run: (job) => cancelJob(job, { force: true }),
};

const cancelBlockJob = defineCommand(
  {
    name: 'block-job-cancel',
    summary: 'Ends a job: one that is ready well, unless it is forced; others at once',
    arguments: struct('q_obj_block-job-cancel-arg', {
      device: str,
      force: withDefault(bool, false),
    }),
  },
  ({ device, force }, context) => cancelJob(findBlockJob(context, device), { force }),
);

const setSpeed = defineCommand(
  {
    name: 'block-job-set-speed',
    summary: 'Limits the speed of a job, in bytes a second; 0 is no limit',
    arguments: struct('q_obj_block-job-set-speed-arg', { device: str, speed: int }),
  },
  ({ device, speed }, context) => findBlockJob(context, device).setSpeed(speed),
);

export const jobVerbs: CommandRegistry = {
  'job-pause': jobVerb('job-pause', pause),
  'job-resume': jobVerb('job-resume', resume),
  'job-cancel': jobVerb('job-cancel', cancel),
  'job-complete': jobVerb('job-complete', complete),
  'job-dismiss': jobVerb('job-dismiss', dismiss),
  'job-finalize': jobVerb('job-finalize', finalize),
  'block-job-set-speed': setSpeed,
  'block-job-cancel': cancelBlockJob,
  'block-job-pause': blockJobVerb('block-job-pause', 'device', pause),
  'block-job-resume': blockJobVerb('block-job-resume', 'device', resume),
  'block-job-complete': blockJobVerb('block-job-complete', 'device', complete),
  'block-job-dismiss': blockJobVerb('block-job-dismiss', 'id', dismiss),
  'block-job-finalize': blockJobVerb('block-job-finalize', 'id', finalize),
};

/** One whose work is done has nothing left to wait for, and is over on return. */
async function cancelJob(job: Job, how: { readonly force: boolean }): Promise<void> {
  const isDone = job.status === 'waiting' || job.status === 'pending';
  job.cancel(how);
  if (isDone) await job.finished;
}

function jobVerb(name: string, { summary, run }: Verb): MonitorCommand {
  const given = struct(`q_obj_${name}-arg`, { id: str });
  return defineCommand({ name, summary, arguments: given }, ({ id }, context) =>
    run(findJob(context, id)),
  );
}

/** @param naming The argument that gives the id of the job. */
function blockJobVerb(
  name: string,
  naming: 'device' | 'id',
  { summary, run }: Verb,
): MonitorCommand {
  const given = struct(`q_obj_${name}-arg`, { [naming]: str });
  return defineCommand({ name, summary, arguments: given }, (values, context) =>
    run(findBlockJob(context, values[naming] ?? '')),
  );
}
