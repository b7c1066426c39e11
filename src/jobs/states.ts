/**
 * What a job may be, become and be asked: QEMU's two tables (`job.c`), as data.
 *
 *     created ── running ⇄ paused
 *                   │
 *                 ready ⇄ standby
 *                   │
 *                waiting ── pending ── concluded ── null
 *                   └─ any ─ aborting ────┘
 */

/** What a job may be, in QEMU's order. */
export const JOB_STATUSES = [
  'created',
  'running',
  'paused',
  'ready',
  'standby',
  'waiting',
  'pending',
  'aborting',
  'concluded',
  'null',
] as const;

export type JobStatus = (typeof JOB_STATUSES)[number];

export type JobVerb =
  | 'cancel'
  | 'pause'
  | 'resume'
  | 'set-speed'
  | 'change'
  | 'complete'
  | 'finalize'
  | 'dismiss';

/** The statuses that may follow each status. */
export const TRANSITIONS: Readonly<Record<JobStatus, readonly JobStatus[]>> = {
  created: ['running', 'aborting', 'null'],
  running: ['paused', 'ready', 'waiting', 'aborting'],
  paused: ['running'],
  ready: ['standby', 'waiting', 'aborting'],
  standby: ['ready'],
  waiting: ['pending', 'aborting'],
  pending: ['aborting', 'concluded'],
  aborting: ['concluded'],
  concluded: ['null'],
  null: [],
};

/** The statuses of a job that has something to do yet. */
export const WHILE_AT_WORK: readonly JobStatus[] = [
  'created',
  'running',
  'paused',
  'ready',
  'standby',
];

/** The statuses in which each verb is accepted. */
export const VERBS: Readonly<Record<JobVerb, readonly JobStatus[]>> = {
  cancel: [...WHILE_AT_WORK, 'waiting', 'pending'],
  pause: WHILE_AT_WORK,
  resume: WHILE_AT_WORK,
  'set-speed': WHILE_AT_WORK,
  change: WHILE_AT_WORK,
  complete: ['ready', 'standby'],
  finalize: ['pending'],
  dismiss: ['concluded'],
};
