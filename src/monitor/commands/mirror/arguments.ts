/** What the commands that start a mirror take both. */

import { BlockError } from '../../../base/errors.ts';
import type { MirrorStart } from '../../../machine/jobs.ts';
import { type MemberValues, optional, withDefault } from '../../../wire/qapi/composites.ts';
import { bool, int, str, uint32 } from '../../../wire/qapi/scalars.ts';
import type { MonitorContext } from '../../command.ts';
import { mirrorCopyMode, mirrorSyncMode, onError } from '../../schema/job.ts';

/** Which disk is copied, by which job. */
export const jobMembers = { 'job-id': optional(str), device: str };

/** How it is copied. */
export const copyMembers = {
  speed: withDefault(int, 0),
  granularity: withDefault(uint32, 0),
  'buf-size': withDefault(int, 0),
  'on-source-error': withDefault(onError, 'report'),
  'on-target-error': withDefault(onError, 'report'),
};

export const copyModeMember = { 'copy-mode': withDefault(mirrorCopyMode, 'background') };

/** How the job ends. */
export const endMembers = {
  'auto-finalize': withDefault(bool, true),
  'auto-dismiss': withDefault(bool, true),
};

export const syncMember = { sync: mirrorSyncMode };

/** What is common to the arguments of the two. */
type Given = MemberValues<
  typeof jobMembers &
    typeof copyMembers &
    typeof copyModeMember &
    typeof endMembers &
    typeof syncMember
> & { readonly replaces?: string | undefined };

/**
 * What is started by such arguments.
 *
 * @throws {BlockError} `ENOTSUP` for a way to copy that mirrors do not have.
 */
export function startOf(
  given: Given,
  { machine }: MonitorContext,
): Omit<MirrorStart, 'source' | 'target'> {
  const { sync, replaces } = given;
  if (sync === 'incremental' || sync === 'bitmap') {
    throw new BlockError('ENOTSUP', 'start the mirror', `Sync mode '${sync}' not supported`);
  }
  return {
    // A disk that is in no drive gives the job no name either.
    id: given['job-id'] ?? machine.drives.nameFor(given.device),
    sync,
    speed: given.speed,
    granularity: given.granularity,
    bufSize: given['buf-size'],
    onSourceError: given['on-source-error'],
    onTargetError: given['on-target-error'],
    copyMode: given['copy-mode'],
    autoFinalize: given['auto-finalize'],
    autoDismiss: given['auto-dismiss'],
    ...(replaces !== undefined && { replaces }),
  };
}

/**
 * Starts it. What it can do without waiting for a disk, such as to find two empty disks equal, is
 * done on return, and told of; but not that it has failed, which comes after the answer.
 */
export async function startMirror({ machine }: MonitorContext, start: MirrorStart): Promise<void> {
  // Asked for now, it comes before that in which the job may fail.
  const turn = machine.env.clock.turn();
  await machine.jobs.startMirror(start);
  await turn;
}
