/**
 * Draws worlds by chance, each from one seed: its size, disks, guest, mirror, verbs and faults, and
 * the chooser that leads it.
 *
 * Each world leaves out much of what there could be ("Swarm Testing", Groce, Zhang, Eide, Chen,
 * Regehr, ISSTA 2012): one without any flush, or with errors of one kind only, gets to places that
 * a world with a little of everything never sees. The bugs of the museum tell how good that is:
 * each has a number of worlds within which one of two swarms finds it.
 */

import { type Random, seededRandom } from '../base/random.ts';
import type { Chooser } from './chooser.ts';
import { priorityChooser } from './choosers/priority.ts';
import { seededChooser } from './choosers/seeded.ts';
import { sparingChooser } from './choosers/sparing.ts';
import { MOVERS } from './move.ts';
import {
  type DiskShape,
  type Fault,
  type GuestProgram,
  type GuestStep,
  type Scenario,
  scenario,
  type VerbStep,
} from './scenario.ts';
import type { Operation, Origin } from './turnstile.ts';

type MirrorOptions = Scenario['mirror'];

/** @returns A world and who leads it; the same for the same seed. */
export function drawWorld(seed: number): {
  readonly scenario: Scenario;
  readonly chooser: Chooser;
} {
  const random = seededRandom(seed);
  const drawn = drawScenario(random, `swarm ${seed}`);
  return { scenario: drawn, chooser: drawChooser(random, drawn) };
}

function drawChooser(random: Random, { guest }: Scenario): Chooser {
  const seed = random.uint32();
  const length = 40 + 10 * guest.requests.length;
  const depth = 1 + random.below(4);
  const isPriority = random.below(3) === 0;
  const chooser = isPriority ? priorityChooser({ seed, depth, length }) : seededChooser(seed);
  const oneIn = new Map([
    [MOVERS.operator, oneOf(random, [1, 4, 16])],
    [MOVERS.fault, oneOf(random, [1, 4, 16])],
  ]);
  return sparingChooser(chooser, { random, oneIn });
}

function drawScenario(random: Random, name: string): Scenario {
  const sectors = isRare(random) ? 0 : 1 + random.below(9);
  const granule = oneOf(random, [1, 2, 4]);
  const target = drawTarget(random, sectors);
  const mirror = drawMirror(random, { granule, target });
  const drawn = scenario({
    name,
    sectors,
    source: drawDisk(random, sectors),
    target,
    guest: drawGuest(random, { sectors, granule }),
    mirror,
    start: oneOf(random, ['first', 'any'] as const),
    verbs: drawVerbs(random, mirror),
    faults: drawFaults(random),
    hasteMax: oneOf(random, [0, 0, 3]),
    stepsMax: 20_000,
  });
  return random.below(10) === 0 ? withDeadTarget(random, drawn) : drawn;
}

function drawDisk(random: Random, sectors: number): DiskShape {
  const all = ['writeZeroes', 'discard', 'blockStatus'] as const;
  const zeroSectors = Array.from({ length: sectors }, (_, sector) => sector).filter(
    () => random.below(4) === 0,
  );
  return {
    stages: oneOf(random, [1, 2] as const),
    operations: someOf(random, all),
    fill: oneOf(random, ['stamps', 'stamps', 'zeroes'] as const),
    zeroSectors,
    forceUnitAccess: random.below(2) === 0,
  };
}

/** Now and then it is of another size, for which a mirror is refused. */
function drawTarget(random: Random, sectors: number): DiskShape {
  const disk = drawDisk(random, sectors);
  const drawn = { cancels: random.below(2) === 0, ...disk };
  return isRare(random) ? { sectors: sectors + 1, ...drawn } : drawn;
}

function drawMirror(
  random: Random,
  { granule, target }: { readonly granule: number; readonly target: DiskShape },
): MirrorOptions {
  const granularity = 512 * granule;
  return {
    granularity,
    bufSize: oneOf(random, [1, 1, 2, 16]) * granularity,
    copyMode: oneOf(random, [
      'background',
      'write-blocking',
      'write-blocking',
      'adaptive',
    ] as const),
    speed: oneOf(random, [0, 0, 400, 1000]),
    limits: oneOf(random, ['initial-copy', 'everything'] as const),
    targetIsZero: target.fill === 'zeroes' && random.below(2) === 0,
    sync: random.below(8) === 0 ? 'none' : 'full',
    unmap: random.below(2) === 0,
    onSourceError: oneOf(random, ['report', 'stop', 'ignore', 'enospc'] as const),
    onTargetError: oneOf(random, ['report', 'stop', 'ignore', 'enospc'] as const),
    autoFinalize: random.below(8) > 0,
  };
}

/** What a guest does, and where and when: some do all of it in one place, or only when ready. */
function drawGuest(
  random: Random,
  { sectors, granule }: { readonly sectors: number; readonly granule: number },
): GuestProgram {
  const count = random.below(9);
  const depth = 1 + random.below(4);
  const overlap = random.below(3) === 0;
  if (sectors === 0) return { requests: [], depth, overlap };
  const changes = someOf(random, ['write', 'write', 'zeroes', 'discard'] as const);
  const rest = someOf(random, ['read', 'flush'] as const);
  const types = changes.length === 0 ? (['write'] as const) : [...changes, ...rest];
  const moments = oneOf(random, [
    ['any'],
    ['any', 'any', 'ready'],
    ['ready'],
    ['ready', 'end'],
  ] as const);
  const first = random.below(Math.ceil(sectors / granule)) * granule;
  const isNarrow = random.below(3) > 0;
  const [start, end] = isNarrow ? [first, Math.min(first + granule, sectors)] : [0, sectors];
  const drawStep = (): GuestStep => {
    const sector = start + random.below(end - start);
    const length = 1 + random.below(Math.min(3, end - sector));
    return { type: oneOf(random, types), sector, sectors: length, from: oneOf(random, moments) };
  };
  return { requests: Array.from({ length: count }, drawStep), depth, overlap };
}

/** A target of what is new only is no disk to go on with. */
function drawVerbs(random: Random, { sync, autoFinalize }: MirrorOptions): readonly VerbStep[] {
  const ends = ['cancel', 'cancel-force', 'complete', 'complete'] as const;
  const end = oneOf(random, sync === 'none' ? ends.slice(0, 2) : ends);
  const last: VerbStep = { verb: end, from: oneOf(random, ['any', 'ready'] as const) };
  const pending = autoFinalize ? [] : drawPending(random);
  // A paused job takes no gentle cancel, and is completed only if it is ready.
  const isPaused = end !== 'cancel' && random.below(6) === 0;
  if (isPaused) return [{ verb: 'pause', from: 'ready' }, last, { verb: 'resume' }, ...pending];
  return [...drawBefore(random), last, ...pending];
}

function drawBefore(random: Random): readonly VerbStep[] {
  const pause: readonly VerbStep[] = [{ verb: 'pause' }, { verb: 'resume' }];
  const speed: readonly VerbStep[] = [{ verb: 'set-speed', value: 4096 }];
  const modes: readonly VerbStep[] = [{ verb: 'write-blocking' }, { verb: 'background' }];
  const drains: readonly VerbStep[] = [{ verb: 'drain' }, { verb: 'drain' }];
  const mixed = [...pause, ...drains, ...modes];
  const all = [[], pause, [...pause, ...pause], speed, modes, drains, mixed];
  const from = oneOf(random, ['any', 'ready'] as const);
  return oneOf(random, all).map((step) => ({ from, ...step }));
}

/** What is said to a job that waits to be finalized, which it is in the end. */
function drawPending(random: Random): readonly VerbStep[] {
  const verbs = someOf(random, ['cancel', 'drain'] as const);
  const late = verbs.map((verb): VerbStep => ({ verb, from: 'pending' }));
  return [...late, { verb: 'finalize' }];
}

function drawFaults(random: Random): readonly Fault[] {
  if (random.below(12) === 0) return [{ type: 'power-cut' }];
  const times = 1 + random.below(2);
  const disk = oneOf(random, ['source', 'target'] as const);
  const all: readonly Operation[] = ['read', 'write', 'writeZeroes', 'flush'];
  const operations = oneOf<readonly Operation[]>(random, [all, ['write'], ['flush']]);
  const everybody: readonly Origin[] = ['guest', 'job', 'other'];
  const origins = oneOf(random, [everybody, everybody, ['guest', 'other'] as const]);
  const code = oneOf(random, ['EIO', 'ENOSPC'] as const);
  const applied = oneOf(random, [['nothing'], ['nothing', 'half', 'all']] as const);
  const error: Fault = { type: 'error', disk, operations, origins, code, times, applied };
  const stall: Fault = { type: 'stall', disk, operations, origins, times, until: 'idle' };
  return oneOf<readonly Fault[]>(random, [[], [error], [error], [stall], [error, stall]]);
}

/** The same world, but its target does not answer any more, at some time. */
function withDeadTarget(random: Random, world: Scenario): Scenario {
  const operations = ['write', 'writeZeroes', 'flush'] as const;
  const death: Fault = { type: 'stall', disk: 'target', operations, times: 8, until: 'never' };
  const dead = { ...world, faults: [death] };
  if (random.below(2) === 0) return { ...dead, verbs: [{ verb: 'cancel-force' }] };
  // To quit is for a guest that waits for nothing, and for a disk that ends what is in flight.
  const guest = { ...world.guest, requests: [] };
  return { ...dead, guest, target: { ...world.target, cancels: true }, verbs: [{ verb: 'quit' }] };
}

/** Of what few worlds have, for they come to little else. */
function isRare(random: Random): boolean {
  return random.below(25) === 0;
}

function someOf<T>(random: Random, items: readonly T[]): readonly T[] {
  return items.filter(() => random.below(2) === 0);
}

function oneOf<T>(random: Random, items: readonly T[]): T {
  const item = items[random.below(items.length)];
  if (item === undefined) throw new RangeError('Cannot draw: there is nothing to draw from');
  return item;
}
