/**
 * A small world as data: its disks, what the guest asks for, how it is mirrored, what the operator
 * says and what goes wrong. With a schedule it is one run, and both can be written down.
 */

import type { BlockErrorCode } from '../base/errors.ts';
import { SECTOR_SIZE } from '../device/request.ts';
import type { MirrorStart } from '../machine/jobs.ts';
import { REQUESTS_MAX, SECTORS_MAX } from './content.ts';
import type { Verb } from './move.ts';
import type { DiskName, Operation, Origin } from './turnstile.ts';

/** One request of the guest; it makes them in order. */
export interface GuestStep {
  readonly type: 'read' | 'write' | 'zeroes' | 'discard' | 'flush';
  /** First sector; of no meaning for a flush, as is `sectors`. */
  readonly sector: number;
  readonly sectors: number;
  /** Not before that. @default 'any' */
  readonly from?: 'any' | 'ready' | 'end';
}

export interface GuestProgram {
  readonly requests: readonly GuestStep[];
  /** How many requests may be in flight. */
  readonly depth: number;
  /** Whether requests in flight may overlap, if one of them changes the disk. */
  readonly overlap: boolean;
}

/** What kind of disk one of the two is. */
export interface DiskShape {
  /** Its size, for a target that does not match. @default As {@link Scenario.sectors}. */
  readonly sectors?: number;
  /** The optional operations that it has. @default None. */
  readonly operations?: readonly ('writeZeroes' | 'discard' | 'blockStatus')[];
  /** What is chosen of a request: when it takes effect and is answered, or both at once. */
  readonly stages: 1 | 2;
  /** @default 'stamps' */
  readonly fill?: 'stamps' | 'zeroes';
  /** Sectors that read as zeroes at first. @default None. */
  readonly zeroSectors?: readonly number[];
  /** @default 1 */
  readonly alignment?: number;
  /** @default 1 MiB */
  readonly transferMax?: number;
  /** @default false */
  readonly forceUnitAccess?: boolean;
  /** Whether requests in flight fail when they are cancelled, or go their way. @default true */
  readonly cancels?: boolean;
}

export type Fault =
  | {
      readonly type: 'error';
      readonly disk: DiskName;
      readonly operations: readonly Operation[];
      /** Whose requests. @default Everybody's. */
      readonly origins?: readonly Origin[];
      readonly code: BlockErrorCode;
      /** How often at most. */
      readonly times: number;
      /** What of the request took effect, at the chooser's choice. @default Nothing. */
      readonly applied?: readonly ('nothing' | 'half' | 'all')[];
    }
  | {
      readonly type: 'stall';
      readonly disk: DiskName;
      readonly operations: readonly Operation[];
      readonly origins?: readonly Origin[];
      readonly times: number;
      /** When what stalls goes on: once nothing else can move, or never. */
      readonly until: 'idle' | 'never';
    }
  /** The power fails, at any moment, and the world ends. */
  | { readonly type: 'power-cut' };

export interface VerbStep {
  readonly verb: Verb;
  /** Of set-speed: bytes a second. */
  readonly value?: number;
  /** Not before that. @default 'any' */
  readonly from?: 'any' | 'ready' | 'guest done' | 'pending';
}

export interface Scenario {
  readonly name: string;
  /** Of each disk, in sectors of 512 bytes. */
  readonly sectors: number;
  readonly source: DiskShape;
  readonly target: DiskShape;
  readonly guest: GuestProgram;
  /** The options of the mirror, as {@link MachineJobs.startMirror} takes them. */
  readonly mirror: Omit<MirrorStart, 'id' | 'source' | 'target'> &
    Readonly<Record<string, unknown>>;
  /** When the mirror is started: before all else, or whenever the chooser likes. */
  readonly start: 'first' | 'any';
  /** What the operator says, in this order; what a job in its state refuses waits. */
  readonly verbs: readonly VerbStep[];
  readonly faults: readonly Fault[];
  /** How often time may go on although something else can move; otherwise it waits for that. */
  readonly hasteMax: number;
  /** How many steps there may be before the world is said not to end. */
  readonly stepsMax: number;
}

/** What {@link scenario} fills in. */
export type ScenarioParts = Partial<Omit<Scenario, 'guest' | 'source' | 'target'>> & {
  readonly guest?: Partial<GuestProgram>;
  readonly source?: Partial<DiskShape>;
  readonly target?: Partial<DiskShape>;
};

/**
 * Makes a scenario of what is particular to it: by default two granules of 512 bytes, a guest that
 * asks for nothing, and a mirror that is completed.
 *
 * @throws {RangeError} For what makes no world.
 */
export function scenario(parts: ScenarioParts = {}): Scenario {
  const { guest, source, target, ...rest } = parts;
  const made: Scenario = {
    name: 'unnamed',
    sectors: 2,
    mirror: { granularity: SECTOR_SIZE, bufSize: 16 * SECTOR_SIZE },
    start: 'first',
    verbs: [{ verb: 'complete' }],
    faults: [],
    hasteMax: 0,
    stepsMax: 5000,
    guest: { requests: [], depth: 2, overlap: false, ...guest },
    source: { stages: 2, ...source },
    target: { stages: 2, ...target },
    ...rest,
  };
  checkScenario(made);
  return made;
}

/** The size of each disk, in bytes; of the one named, where the two differ. */
export function sizeOf(scenario: Scenario, disk: DiskName = 'source'): number {
  return (scenario[disk].sectors ?? scenario.sectors) * SECTOR_SIZE;
}

/** @throws {RangeError} For what makes no world. */
export function checkScenario({ sectors, guest }: Scenario): void {
  const demand = (condition: boolean, rule: string) => {
    if (!condition) throw new RangeError(`Cannot make a world: ${rule}`);
  };
  demand(Number.isInteger(sectors) && sectors >= 0, 'the sectors must be a whole number');
  demand(sectors <= SECTORS_MAX, `there may be ${SECTORS_MAX} sectors`);
  demand(guest.requests.length <= REQUESTS_MAX, `there may be ${REQUESTS_MAX} requests`);
  demand(guest.depth >= 1, 'a guest has one request in flight or more');
  for (const { type, sector, sectors: count } of guest.requests) {
    if (type === 'flush') continue;
    demand(count >= 1 && sector >= 0 && sector + count <= sectors, 'requests are on the disk');
  }
}

/** Requests in a few words, as names of scenarios and rows of tables show them. */
export function describeStep({ type, sector, sectors }: GuestStep): string {
  if (type === 'flush') return 'flush';
  return sectors === 1 ? `${type} ${sector}` : `${type} ${sector}-${sector + sectors - 1}`;
}
