/**
 * The worlds of an exploration: one for each copy mode, each thing that is said to the job and each
 * thing that goes wrong.
 *
 * One at a time is what keeps them small; when it happens is what the search goes through. Each
 * world is searched by itself, so any number of threads come to what one thread comes to.
 */

import { SECTOR_SIZE } from '../device/request.ts';
import type { Fault, GuestStep, Scenario, VerbStep } from '../sim/scenario.ts';
import { scenario } from '../sim/scenario.ts';
import type { Operation } from '../sim/turnstile.ts';

/** What can be said to the job, at any moment; after what does not end it, a complete is. */
export const VERBS = {
  complete: [{ verb: 'complete' }],
  cancel: [{ verb: 'cancel' }],
  'cancel-force': [{ verb: 'cancel-force' }],
  'pause+resume': [{ verb: 'pause' }, { verb: 'resume' }, { verb: 'complete' }],
  'set-speed': [{ verb: 'set-speed', value: 4096 }, { verb: 'complete' }],
  'change-mode': [{ verb: 'write-blocking' }, { verb: 'background' }, { verb: 'complete' }],
  drain: [{ verb: 'drain' }, { verb: 'complete' }],
} as const satisfies Readonly<Record<string, readonly VerbStep[]>>;

export type VerbName = keyof typeof VERBS;
// The keys of a constant are what its type says.
export const VERB_NAMES = Object.keys(VERBS) as readonly VerbName[];

const OPERATIONS: readonly Operation[] = [
  'read',
  'write',
  'writeZeroes',
  'discard',
  'flush',
  'blockStatus',
];
const on = (disk: 'source' | 'target') => ({ disk, operations: OPERATIONS, times: 1 });

/** What can go wrong, once, at any request of that disk. */
export const FAULTS = {
  none: [],
  'source-error': [{ type: 'error', code: 'EIO', ...on('source') }],
  'target-error': [{ type: 'error', code: 'EIO', ...on('target') }],
  'source-stall': [{ type: 'stall', until: 'idle', ...on('source') }],
  'target-stall': [{ type: 'stall', until: 'idle', ...on('target') }],
  'power-cut': [{ type: 'power-cut' }],
} as const satisfies Readonly<Record<string, readonly Fault[]>>;

export type FaultName = keyof typeof FAULTS;
export const FAULT_NAMES = Object.keys(FAULTS) as readonly FaultName[];

export const COPY_MODES = ['background', 'write-blocking', 'adaptive'] as const;

/** How many copies fit into the buffer, which is no bound in worlds as small as these. */
const BUFFERS = 16;

/** What the worlds have in common, and in what they differ. */
export interface WorldWishes {
  readonly granules: number;
  /** Bytes. */
  readonly granularity: number;
  readonly requests: readonly GuestStep[];
  readonly depth: number;
  readonly overlap: boolean;
  /** What is chosen of a request; see {@link DiskShape}. */
  readonly stages: 1 | 2;
  readonly copyModes: readonly (typeof COPY_MODES)[number][];
  readonly verbs: readonly VerbName[];
  readonly faults: readonly FaultName[];
  readonly stepsMax: number;
}

/** @returns The worlds, in the order in which they are told of. */
export function worldsOf(wishes: WorldWishes): readonly Scenario[] {
  const { granules, granularity, requests, depth, overlap, stages, stepsMax } = wishes;
  const make = (mode: WorldWishes['copyModes'][number], verb: VerbName, fault: FaultName) =>
    scenario({
      name: [verb, mode, ...(fault === 'none' ? [] : [fault])].join(', '),
      sectors: (granules * granularity) / SECTOR_SIZE,
      source: { stages },
      target: { stages },
      guest: { requests, depth, overlap },
      mirror: { granularity, bufSize: BUFFERS * granularity, copyMode: mode },
      verbs: VERBS[verb],
      faults: FAULTS[fault],
      stepsMax,
    });
  return wishes.faults.flatMap((fault) =>
    wishes.copyModes.flatMap((mode) => wishes.verbs.map((verb) => make(mode, verb, fault))),
  );
}
