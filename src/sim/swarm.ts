/**
 * Worlds drawn by chance, each from one seed: its size, disks, guest, mirror, verbs and faults, and
 * the chooser that leads it.
 *
 * Each world leaves out much of what there could be ("Swarm Testing", Groce, Zhang, Eide, Chen,
 * Regehr, ISSTA 2012): one without any flush, or with errors of one kind only, gets to places that
 * a world with a little of everything never sees.
 */

import { type Random, seededRandom } from '../base/random.ts';
import type { Chooser } from './chooser.ts';
import { priorityChooser } from './choosers/priority.ts';
import { seededChooser } from './choosers/seeded.ts';
import { type Failure, runOnce } from './explorer.ts';
import {
  type DiskShape,
  type Fault,
  type GuestStep,
  type Scenario,
  scenario,
  type VerbStep,
} from './scenario.ts';
import type { WorldOptions } from './world.ts';

export interface SwarmOptions extends Omit<WorldOptions, 'guide' | 'state' | 'trace'> {
  readonly firstSeed: number;
  /** How many worlds. */
  readonly count: number;
  /** Changes each scenario, for swarms about something in particular. */
  readonly adjust?: (scenario: Scenario) => Scenario;
  readonly nowMs?: () => number;
}

export interface SwarmReport {
  readonly worlds: number;
  readonly steps: number;
  readonly seconds: number;
  /** How many runs ended how. */
  readonly ends: Readonly<Record<string, number>>;
  /** The first failure, and the seed of its world. */
  readonly failure?: Failure & { readonly seed: number };
}

/** Runs one world for each seed, up to the first violation. */
export async function swarm(options: SwarmOptions): Promise<SwarmReport> {
  const { firstSeed, count, adjust = (same) => same, nowMs = () => 0, ...run } = options;
  const startMs = nowMs();
  const ends: Record<string, number> = {};
  let [worlds, steps] = [0, 0];
  let failure: SwarmReport['failure'];
  for (let seed = firstSeed; seed < firstSeed + count && !failure; seed += 1) {
    const drawn = drawWorld(seed);
    const world = adjust(drawn.scenario);
    const result = await runOnce(world, drawn.chooser, run);
    worlds += 1;
    steps += result.steps;
    ends[result.end] = (ends[result.end] ?? 0) + 1;
    const { violation, schedule } = result;
    if (violation) failure = { seed, scenario: world, schedule, violation };
  }
  const seconds = (nowMs() - startMs) / 1000;
  return { worlds, steps, seconds, ends, ...(failure && { failure }) };
}

/** @returns A world and who leads it; the same for the same seed. */
export function drawWorld(seed: number): {
  readonly scenario: Scenario;
  readonly chooser: Chooser;
} {
  const random = seededRandom(seed);
  const drawn = drawScenario(random, `swarm ${seed}`);
  const length = 40 + 10 * drawn.guest.requests.length;
  const depth = 1 + random.below(4);
  const isPriority = random.below(3) === 0;
  const chooser = isPriority ? priorityChooser({ seed, depth, length }) : seededChooser(seed);
  return { scenario: drawn, chooser };
}

function drawScenario(random: Random, name: string): Scenario {
  const granularity = 512 * oneOf(random, [1, 1, 2, 4]);
  const sectors = 1 + random.below(9);
  const types = drawTypes(random);
  const count = random.below(9);
  const sync = oneOf(random, ['full', 'full', 'full', 'none'] as const);
  const [source, target] = [drawDisk(random, sectors), drawDisk(random, sectors)];
  return scenario({
    name,
    sectors,
    source,
    target,
    guest: {
      requests: Array.from({ length: count }, () => drawStep(random, types, sectors)),
      depth: 1 + random.below(4),
      overlap: random.below(3) === 0,
    },
    mirror: {
      granularity,
      bufSize: oneOf(random, [1, 2, 16]) * Math.max(granularity, 512),
      copyMode: oneOf(random, ['background', 'write-blocking', 'adaptive'] as const),
      speed: oneOf(random, [0, 0, 1000, 10_000]),
      limits: oneOf(random, ['initial-copy', 'everything'] as const),
      targetIsZero: target.fill === 'zeroes' && random.below(2) === 0,
      sync,
      unmap: random.below(2) === 0,
      onSourceError: oneOf(random, ['report', 'stop', 'ignore', 'enospc'] as const),
      onTargetError: oneOf(random, ['report', 'stop', 'ignore', 'enospc'] as const),
    },
    start: oneOf(random, ['first', 'any'] as const),
    verbs: drawVerbs(random, sync),
    faults: drawFaults(random),
    hasteMax: oneOf(random, [0, 0, 3]),
    stepsMax: 20_000,
  });
}

function drawTypes(random: Random): readonly GuestStep['type'][] {
  const all = ['write', 'read', 'zeroes', 'discard', 'flush'] as const;
  const kept = all.filter((type) => type === 'write' || random.below(2) === 0);
  return ['write', ...kept];
}

function drawStep(random: Random, types: readonly GuestStep['type'][], sectors: number): GuestStep {
  const sector = random.below(sectors);
  const length = 1 + random.below(Math.min(3, sectors - sector));
  const from = oneOf(random, ['any', 'any', 'any', 'ready', 'end'] as const);
  return { type: oneOf(random, types), sector, sectors: length, from };
}

function drawDisk(random: Random, sectors: number): DiskShape {
  const all = ['writeZeroes', 'discard', 'blockStatus'] as const;
  const zeroSectors = Array.from({ length: sectors }, (_, sector) => sector).filter(
    () => random.below(4) === 0,
  );
  return {
    stages: oneOf(random, [1, 2] as const),
    operations: all.filter(() => random.below(2) === 0),
    fill: oneOf(random, ['stamps', 'stamps', 'zeroes'] as const),
    zeroSectors,
    forceUnitAccess: random.below(2) === 0,
  };
}

/** A target of what is new only is no disk to go on with. */
function drawVerbs(random: Random, sync: 'full' | 'none'): readonly VerbStep[] {
  const ends = ['cancel', 'cancel-force', 'complete', 'complete'] as const;
  const end = oneOf(random, sync === 'none' ? ends.slice(0, 2) : ends);
  const last: VerbStep = { verb: end, from: oneOf(random, ['any', 'ready'] as const) };
  const pause: readonly VerbStep[] = [{ verb: 'pause' }, { verb: 'resume' }];
  const speed: readonly VerbStep[] = [{ verb: 'set-speed', value: 4096 }];
  const modes: readonly VerbStep[] = [{ verb: 'write-blocking' }, { verb: 'background' }];
  const drains: readonly VerbStep[] = [{ verb: 'drain' }, { verb: 'drain' }];
  const all = [[], [], pause, speed, modes, drains, [...pause, ...drains, ...modes]];
  const before = oneOf(random, all);
  return [...before, last];
}

function drawFaults(random: Random): readonly Fault[] {
  const times = 1 + random.below(2);
  const disk = oneOf(random, ['source', 'target'] as const);
  const operations = ['read', 'write', 'writeZeroes', 'flush'] as const;
  const code = oneOf(random, ['EIO', 'ENOSPC'] as const);
  const applied = oneOf(random, [['nothing'], ['nothing', 'half', 'all']] as const);
  const error: Fault = { type: 'error', disk, operations, code, times, applied };
  const stall: Fault = { type: 'stall', disk, operations, times, until: 'idle' };
  return oneOf<readonly Fault[]>(random, [
    [],
    [],
    [error],
    [stall],
    [error, stall],
    [{ type: 'power-cut' }],
  ]);
}

function oneOf<T>(random: Random, items: readonly T[]): T {
  const item = items[random.below(items.length)];
  if (item === undefined) throw new RangeError('Cannot draw: there is nothing to draw from');
  return item;
}
