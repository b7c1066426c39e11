/**
 * What happens in one round of the soak, drawn from its seed before it begins: disks, guests,
 * options, verbs with their times, faults, and how it ends.
 *
 * A plan is data. The same seed and round give the same plan; what real time does with it differs.
 */

import type { Random } from '../src/base/random.ts';
import type { BlockdevOptions, MirrorOptions } from '../src/index.ts';
import type { GuestOptions } from '../src/workload/guest-options.ts';
import { between, chance, drawTimes, pick, roundRandom } from './soak-draw.ts';
import { drawFault, type FaultPlan } from './soak-faults.ts';
import { drawTree } from './soak-trees.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Disks in memory behind filters; files, by the library; files, by a process that is killed. */
export type RoundKind = 'memory' | 'files' | 'crash';

/** Bytes of a disk that belong to one guest. */
export interface Area {
  readonly offset: number;
  readonly length: number;
}

/** A guest that writes, zeroes and discards. */
export interface ChangerOptions {
  readonly seed: number;
  readonly area: Area;
  readonly blockSize: number;
  readonly queueDepth: number;
  /** Pause after each request of a lane, in milliseconds. */
  readonly thinkMs: number;
}

export type GuestEntry =
  | { readonly kind: 'writer'; readonly options: GuestOptions & { readonly area: Area } }
  | { readonly kind: 'changer'; readonly options: ChangerOptions };

/** Something that is done to a mirror at its time, in milliseconds from its start. */
export type Action = { readonly atMs: number } & (
  | { readonly verb: 'pause' | 'resume' | 'stop' | 'cont' | 'unplug' | 'arm' | 'power-cut' }
  | { readonly verb: 'speed'; readonly speed: number }
  | { readonly verb: 'copy-mode'; readonly copyMode: NonNullable<MirrorOptions['copyMode']> }
  | {
      readonly verb: 'drain' | 'filter';
      readonly node: 'source' | 'target';
      readonly forMs: number;
    }
);

/** How a mirror is to end; `force` and `cancel` come at their time, in whatever phase. */
export type Ending =
  | { readonly kind: 'switch' | 'finish'; readonly afterMs: number; readonly guestsRun: boolean }
  | { readonly kind: 'cancel' | 'force'; readonly atMs: number };

interface CommonPlan {
  readonly seed: number;
  readonly round: number;
  /** Bytes, a multiple of 512. */
  readonly size: number;
  readonly contentSeed: number;
  readonly guests: readonly GuestEntry[];
  readonly mirror: MirrorOptions;
}

export interface MemoryPlan extends CommonPlan {
  readonly kind: 'memory';
  readonly source: BlockdevOptions;
  readonly target: BlockdevOptions;
  /** The target is full of something else. */
  readonly garbage: boolean;
  readonly queueSize: number;
  readonly guestsFirst: boolean;
  readonly autoFinalize: boolean;
  readonly autoDismiss: boolean;
  readonly fault: FaultPlan;
  /** How long to leave a mirror or machine that an error has stopped, in milliseconds. */
  readonly retryMs: number;
  readonly script: readonly Action[];
  readonly ending: Ending;
}

export interface FilesPlan extends CommonPlan {
  readonly kind: 'files';
  readonly persist: boolean;
  /** When the disk is closed in the middle, to be gone on with; once for each. */
  readonly interruptions: readonly number[];
  readonly existing: boolean;
  readonly script: readonly Action[];
  readonly ending: Ending;
}

export interface CrashPlan extends CommonPlan {
  readonly kind: 'crash';
  /** How long each process lives before it is killed, in milliseconds; one more ends the mirror. */
  readonly lives: readonly number[];
  /** Each process tries to end the mirror, not only the last. */
  readonly endsEarly: boolean;
  readonly ending: { readonly kind: 'switch' | 'finish'; readonly afterMs: number };
}

export type RoundPlan = MemoryPlan | FilesPlan | CrashPlan;

/** What the rounds of a run are made of. */
export interface PlanOptions {
  readonly seed: number;
  readonly round: number;
  /** Only rounds of this kind. */
  readonly kind?: RoundKind | undefined;
}

const KINDS: readonly RoundKind[] = [
  ...(['memory', 'memory', 'memory', 'memory', 'memory', 'files', 'files', 'crash'] as const),
];

/** Draws the plan of a round. */
export function drawPlan({ seed, round, kind }: PlanOptions): RoundPlan {
  const random = roundRandom(seed, round);
  const drawn = pick(random, KINDS);
  switch (kind ?? drawn) {
    case 'memory':
      return drawMemory(random, { seed, round });
    case 'files':
      return drawFiles(random, { seed, round });
    case 'crash':
      return drawCrash(random, { seed, round });
  }
}

type Place = Pick<PlanOptions, 'seed' | 'round'>;

function drawMemory(random: Random, place: Place): MemoryPlan {
  const fault = drawFault(random);
  const size = pick(random, [1, 2, 4, 8, 16, 32]) * MIB + 512 * random.below(64);
  const source = drawTree(random, { role: 'source', size, isFaulty: fault.role === 'source' });
  const isCut = fault.kind === 'power-cut';
  const isFaulty = fault.role === 'target' && !isCut;
  const target = drawTree(random, { role: 'target', size, isFaulty, isCached: isCut });
  const lengthMs = between(random, 200, 2500);
  const guests = drawGuests(random, size, { countMin: 0 });
  const mirror = { ...drawOptions(random, size), ...fault.policies };
  const garbage = chance(random, 0.5);
  return {
    ...{ kind: 'memory', ...place, size, contentSeed: random.uint32(), guests, source, target },
    mirror: { ...mirror, ...(!garbage && chance(random, 0.3) ? { targetIsZero: true } : {}) },
    garbage,
    queueSize: pick(random, [16, 64, 256]),
    guestsFirst: mirror.sync === 'full' && chance(random, 0.5),
    autoFinalize: chance(random, 0.8),
    autoDismiss: chance(random, 0.8),
    fault,
    retryMs: between(random, 0, 200),
    script: drawScript(random, lengthMs, { machine: true, fault }),
    ending: drawEnding(random, lengthMs, fault),
  };
}

function drawFiles(random: Random, place: Place): FilesPlan {
  const size = pick(random, [4, 16, 64]) * MIB + 512 * random.below(64);
  const lengthMs = between(random, 200, 2500);
  const persist = chance(random, 0.5);
  const mirror = drawOptions(random, size);
  const interruptions = persist ? drawTimes(random, random.below(3), 600) : [];
  return {
    ...{ kind: 'files', ...place, size, contentSeed: random.uint32() },
    guests: drawGuests(random, size, { countMin: 0, ...(persist ? { only: 'changer' } : {}) }),
    mirror: { ...mirror, ...(persist ? { sync: 'full' } : {}) },
    persist,
    interruptions,
    existing: chance(random, 0.4),
    script: drawScript(random, lengthMs, { machine: false }),
    ending: drawEnding(random, lengthMs),
  };
}

function drawCrash(random: Random, place: Place): CrashPlan {
  const size = pick(random, [4, 16, 48]) * MIB + 512 * random.below(64);
  const { copyMode, granularity } = drawOptions(random, size);
  const speed = pick(random, [0, 8 * MIB, 16 * MIB]);
  const guests = drawGuests(random, size, { countMin: 1, only: 'changer' });
  return {
    ...{ kind: 'crash', ...place, size, contentSeed: random.uint32(), guests },
    mirror: { copyMode, granularity, speed },
    // From before anything has begun until long after source and target have met.
    lives: Array.from({ length: between(random, 1, 4) }, () => between(random, 60, 2500)),
    endsEarly: chance(random, 0.5),
    ending: { kind: pick(random, ['switch', 'finish']), afterMs: between(random, 0, 400) },
  };
}

function drawOptions(random: Random, size: number) {
  const granularity = pick(
    random,
    [512, 1024, 4096, 4096, 16_384, 65_536, 65_536, 262_144, MIB].filter(
      // So many granules one at a time would be a round of their own.
      (length) => size / length <= 16_384,
    ),
  );
  const bufSize = pick(random, [64 * KIB, 256 * KIB, MIB, 4 * MIB, 16 * MIB]);
  return {
    sync: pick(random, ['full', 'full', 'full', 'none'] as const),
    copyMode: pick(random, ['background', 'write-blocking', 'adaptive'] as const),
    limits: pick(random, ['initial-copy', 'everything'] as const),
    granularity,
    bufSize,
    speed: pick(random, [0, 0, 0, 2 * MIB, 8 * MIB, 32 * MIB]),
    unmap: chance(random, 0.7),
    latencyBudgetMs: pick(random, [1, 5, 20]),
  };
}

function drawGuests(
  random: Random,
  size: number,
  { countMin, only }: { readonly countMin: number; readonly only?: 'changer' },
): readonly GuestEntry[] {
  const count = Math.max(pick(random, [0, 1, 1, 2, 2, 3, 4]), countMin);
  const share = Math.floor(size / 512 / Math.max(count, 1)) * 512;
  return Array.from({ length: count }, (_, index): GuestEntry => {
    const area = drawArea(random, index * share, share);
    const blockSize = pick(random, [512, 1024, 4096, 4096, 4096, 16_384, 65_536]);
    const seed = random.uint32();
    const queueDepth = pick(random, [1, 4, 16]);
    if (only === 'changer' || chance(random, 0.4)) {
      const thinkMs = pick(random, [0.5, 2, 5]);
      return { kind: 'changer', options: { seed, area, blockSize, queueDepth, thinkMs } };
    }
    const pattern = pick(random, ['random', 'zipf', 'sequential'] as const);
    const readShare = pick(random, [0, 0, 0.3, 0.7]);
    const requestsPerSecond = pick(random, [200, 1000, 3000, 0]);
    const load = { pattern, readShare, requestsPerSecond, queueDepth };
    return { kind: 'writer', options: { seed, area, blockSize, ...load } };
  });
}

/** A piece of what a guest could have; the rest is written by nobody. */
function drawArea(random: Random, offset: number, length: number): Area {
  const before = 512 * random.below(Math.min(length / 512 / 4, 200));
  const wanted = pick(random, [128 * KIB, 512 * KIB, 2 * MIB, 64 * MIB]);
  return { offset: offset + before, length: Math.min(wanted, length - before - 512) };
}

/** @param fault In a machine: what goes wrong. */
function drawScript(
  random: Random,
  lengthMs: number,
  { machine, fault }: { readonly machine: boolean; readonly fault?: FaultPlan },
): readonly Action[] {
  const actions: Action[] = [];
  for (const atMs of drawTimes(random, random.below(8), lengthMs)) {
    actions.push(...drawAction(random, atMs, machine));
  }
  if (machine && chance(random, 0.08)) {
    actions.push({ atMs: between(random, 0, lengthMs), verb: 'unplug' });
  }
  if (fault && fault.kind !== 'none') {
    const verb = fault.kind === 'power-cut' ? 'power-cut' : 'arm';
    for (const atMs of fault.timesMs) actions.push({ atMs, verb });
  }
  return actions.sort((a, b) => a.atMs - b.atMs);
}

function drawAction(random: Random, atMs: number, machine: boolean): readonly Action[] {
  const untilMs = atMs + between(random, 1, 300);
  const verbs = ['pause', 'speed', 'copy-mode', ...(machine ? ['stop', 'drain', 'filter'] : [])];
  switch (pick(random, verbs)) {
    case 'pause':
      return [
        { atMs, verb: 'pause' },
        { atMs: untilMs, verb: 'resume' },
      ];
    case 'stop':
      return [
        { atMs, verb: 'stop' },
        { atMs: untilMs, verb: 'cont' },
      ];
    case 'speed':
      return [{ atMs, verb: 'speed', speed: pick(random, [0, 0, MIB, 4 * MIB, 64 * MIB]) }];
    case 'copy-mode': {
      const copyMode = pick(random, ['background', 'write-blocking', 'adaptive'] as const);
      return [{ atMs, verb: 'copy-mode', copyMode }];
    }
    default: {
      const node = pick(random, ['source', 'source', 'target'] as const);
      const forMs = between(random, 0, 150);
      return [{ atMs, verb: pick(random, ['drain', 'filter'] as const), node, forMs }];
    }
  }
}

function drawEnding(random: Random, lengthMs: number, fault?: FaultPlan): Ending {
  const atMs = between(random, 0, lengthMs);
  // What hangs, and a disk without power, can only be given up.
  if (fault?.kind === 'hang' || fault?.kind === 'power-cut') {
    const lastMs = Math.max(...fault.timesMs);
    return { kind: 'force', atMs: lastMs + between(random, 20, 800) };
  }
  const kind = pick(random, [
    ...(['switch', 'switch', 'switch', 'finish', 'finish', 'finish', 'cancel', 'force'] as const),
  ]);
  if (kind === 'cancel' || kind === 'force') return { kind, atMs };
  return { kind, afterMs: between(random, 0, 800), guestsRun: chance(random, 0.6) };
}
