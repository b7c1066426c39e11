/** Jobs by the ids that commands give. */

import { BlockError } from '../../../base/errors.ts';
import type { Job } from '../../../jobs/job.ts';
import { type MonitorContext, MonitorError } from '../../command.ts';

/** @throws {BlockError} `ENOENT` when there is no job of that id. */
export function findJob({ machine }: MonitorContext, id: string): Job {
  const job = machine.jobs.find(id);
  if (job) return job;
  throw new BlockError('ENOENT', `find the job "${id}"`, 'Job not found');
}

/** @throws {MonitorError} When there is no job of that id that works on disks. */
export function findBlockJob({ machine }: MonitorContext, id: string): Job {
  const job = machine.jobs.find(id);
  if (job && isBlockJob(job)) return job;
  throw new MonitorError('DeviceNotActive', `Block job '${id}' not found`);
}

export function isBlockJob({ type }: Job): boolean {
  return type !== 'create';
}
