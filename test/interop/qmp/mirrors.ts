/** Two disks and a mirror between them, for scenarios of many themes. */

import { event, execute, type Members, type Step, status } from './scenario.ts';

export const KiB = 1024;

/** The size of both disks. */
export const SIZE = 256 * KiB;

/** Options for the nodes `source` and `target`, each a file. */
export const DISKS: readonly string[] = [
  '--blockdev=driver=file,node-name=source,filename=source.img',
  '--blockdev=driver=file,node-name=target,filename=target.img',
];

/** The files of both: there is something to copy. */
export const FILES = { 'source.img': new Uint8Array(SIZE).fill(1), 'target.img': SIZE };

/** Options for a guest that uses `source` as the export `disk`. */
export const EXPORT: readonly string[] = [
  '--nbd-server=addr.type=unix,addr.path=nbd.sock',
  '--export=type=nbd,id=export,node-name=source,name=disk,writable=on',
];

/** Asks for a job named `job` that mirrors `source` to `target`. */
export function mirror(more: Members = {}): Step {
  const usual = { 'job-id': 'job', device: 'source', target: 'target', sync: 'full' };
  return execute('blockdev-mirror', { ...usual, ...more });
}

/** A mirror from its start until source and target have met. */
export function ready(more: Members = {}): readonly Step[] {
  return [mirror(more), event('BLOCK_JOB_READY')];
}

/** The mirror is given up. */
export const abort: readonly Step[] = [execute('job-cancel', { id: 'job' }), status('job', 'null')];

/** The mirror switches to the target. */
export const complete: readonly Step[] = [
  execute('job-complete', { id: 'job' }),
  status('job', 'null'),
];

/** What both queries say of all jobs. */
export const queryJobs: readonly Step[] = [execute('query-block-jobs'), execute('query-jobs')];

/** What is said of all nodes. */
export const queryNodes: Step = execute('query-named-block-nodes', { flat: true });
