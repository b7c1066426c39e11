/** What {@link simulate} is asked for: the disks, the program under test, what goes wrong. */

import type { BlockErrorCode } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import { SECTOR_SIZE } from '../device/request.ts';
import type { Env } from '../env/env.ts';
import type { MirrorStart } from '../machine/jobs.ts';
import type { SimulatedDisk } from './simulate-disk.ts';
import type { SimulatedOperation } from './simulate-request.ts';

/** What a simulated disk is. */
export interface DiskSetup {
  /** Bytes, a multiple of 512. @default 65536 */
  readonly size?: number;
  /** What it holds at first, from its beginning on. @default Zeroes. */
  readonly content?: Uint8Array;
}

/** Requests that may fail. */
export interface ErrorRule {
  /** How many of them at most. @default 1 */
  readonly times?: number;
  /** @default 'EIO' */
  readonly code?: BlockErrorCode;
  /** @default All. */
  readonly operations?: readonly SimulatedOperation[];
  /** The name of a disk, or the path of a file. @default All. */
  readonly disk?: string;
  /** How much of a write may be done nevertheless. @default Nothing. */
  readonly applied?: readonly ('nothing' | 'half' | 'all')[];
  /** A flush that fails gives up what it was to make durable, as Linux does. @default false */
  readonly forgets?: boolean;
}

/** What may go wrong, each so often at most in one run. */
export interface FaultOptions {
  /** The power fails, at any step, also while the program recovers. @default 1 */
  readonly powerCuts?: number;
  /** Whether sectors of one write survive or are lost by themselves. @default true */
  readonly tear?: boolean;
  /** Whether requests in flight may overtake each other. @default true */
  readonly reorder?: boolean;
  /** Requests that fail with EIO having done nothing, or rules. @default 0 */
  readonly errors?: number | readonly ErrorRule[];
  /** Requests that go on only when nothing else does, or after ten seconds. @default 0 */
  readonly stalls?: number;
  /** Timers that fire while requests wait, which are slower than that then. @default 0 */
  readonly delays?: number;
  /** Flushes that are answered and have done nothing, of any disk or of one. @default 0 */
  readonly lies?: number | LieRule;
}

/** Flushes that lie. */
export interface LieRule {
  readonly times: number;
  /** The name of a disk, or the path of a file. @default All. */
  readonly disk?: string;
}

/** The mirror that runs beside the program under test. */
export interface MirrorSetup
  extends Partial<Omit<MirrorStart, 'id' | 'source' | 'target' | 'journal'>> {
  /** With what it ends once it is ready: on the target, or on the source. @default 'complete' */
  readonly end?: 'complete' | 'cancel';
}

export interface SimulatedClock {
  /** Milliseconds since some moment. */
  nowMs(): number;
  /** Time stands still while requests go on, and does not take any. */
  sleep(delayMs: number): Promise<void>;
}

/** What a program under test is given. */
export interface SimulationContext<Model> {
  /** The first disk. */
  readonly disk: SimulatedDisk;
  readonly disks: Readonly<Record<string, SimulatedDisk>>;
  readonly clock: SimulatedClock;
  /** By the seed; every run of an exhaustive search draws the same. */
  readonly random: Random;
  /** Files, time and chance for programs of ours: `openDisk(path, { env })`. */
  readonly env: Env;
  /** What `model` has made: what outlives the machine, such as what was acknowledged. */
  readonly model: Model;
  /**
   * Lets the simulation choose, which also searches and shrinks this.
   *
   * @param count From 1 on.
   * @returns A whole number below `count`; 0 is the simplest.
   */
  choose(count: number): number;
  /** Writes a line into the timeline. */
  note(text: string): void;
  /** Runs something beside; it ends by {@link PowerCut}, and its other errors are failures. */
  background(task: () => Promise<void>): void;
}

export interface CheckContext<Model> extends SimulationContext<Model> {
  /** What came before: a power cut, or an orderly end. */
  readonly after: 'power cut' | 'end';
}

/** A part of the program under test. */
export type Program<Model> = (context: SimulationContext<Model>) => Promise<void> | void;

/** The parts that a simulation runs, in this order. */
export interface Programs<Model> {
  /** Brings disks and files to where the story begins; nothing goes wrong, and all is durable. */
  readonly prepare?: Program<Model>;
  /** What is simulated. */
  readonly guest: Program<Model>;
  /** What happens first after each power cut; things may go wrong again meanwhile. */
  readonly recover?: Program<Model>;
  /** Throws when something is wrong, after a power cut and at the end; nothing fails meanwhile. */
  readonly check: (context: CheckContext<Model>) => Promise<void> | void;
}

export interface WorldSetup<Model> extends Programs<Model> {
  /** One disk; @default One of 64 KiB, whose name is "disk". */
  readonly disk?: DiskSetup;
  /** Disks by their names, instead. */
  readonly disks?: Readonly<Record<string, DiskSetup>>;
  /** Makes what the parts of the program share in one run. */
  readonly model?: () => Model;
  readonly faults?: FaultOptions;
  /** Mirrors the first disk meanwhile, and watches the mirror. @default false */
  readonly mirror?: boolean | MirrorSetup;
  /** Steps of one run at most. @default 10000 */
  readonly stepsMax?: number;
}

/** How an exhaustive search is bounded. */
export interface ExploreSetup {
  /** Runs at most. @default 20000 */
  readonly executionsMax?: number;
  /** What happens when that was not enough: nothing is proved then. @default 'throw' */
  readonly onBound?: 'throw' | 'report';
}

/** Options of {@link simulate}; the modes exclude each other, and 100 seeds are the default. */
export interface SimulateOptions<Model> extends WorldSetup<Model> {
  /** One run, as this seed leads it; a whole number from 0 to 2^52. */
  readonly seed?: number;
  /** So many runs, from `seed` on. @default 100, without a `seed` or another mode. */
  readonly seeds?: number;
  /** Everything that can happen. */
  readonly explore?: boolean | ExploreSetup;
  /** One run as these choices lead it. */
  readonly schedule?: readonly number[];
  /** The run that a failure's message has told. */
  readonly replay?: string;
  /** What becomes of a replay that is another run now, and fails no more. @default 'throw' */
  readonly onDivergence?: 'throw' | 'report';
  /** Runs at most to make a failure short. @default 1000 */
  readonly shrinkMax?: number;
}

const SIZE_DEFAULT = 64 * 1024;
/** The largest disk, in bytes. */
const SIZE_MAX = 64 * 1024 * 1024;

/** Faults with all that was left out. */
export interface Faults {
  readonly powerCuts: number;
  readonly tear: boolean;
  readonly reorder: boolean;
  readonly errors: readonly Required<Omit<ErrorRule, 'disk' | 'operations'>>[] &
    readonly Pick<ErrorRule, 'disk' | 'operations'>[];
  readonly stalls: number;
  readonly delays: number;
  readonly lies: LieRule;
}

export function faultsOf({
  powerCuts = 1,
  tear = true,
  reorder = true,
  errors = 0,
  stalls = 0,
  delays = 0,
  lies = 0,
}: FaultOptions = {}): Faults {
  const lying = typeof lies === 'number' ? { times: lies } : lies;
  const counts = { powerCuts, stalls, delays, lies: lying.times };
  for (const [name, count] of Object.entries(counts)) {
    demandCount(name, count, 0);
  }
  const rules = typeof errors === 'number' ? [{ times: errors }] : errors;
  const full = rules.map((rule) => {
    const { times = 1, code = 'EIO', applied = ['nothing'], forgets = false, ...where } = rule;
    demandCount('times', times, 0);
    return { times, code, applied, forgets, ...where } as const;
  });
  return { powerCuts, tear, reorder, errors: full, stalls, delays, lies: lying };
}

/** @returns The disks that are asked for, checked. */
export function disksOf<Model>({
  disk,
  disks,
}: Pick<WorldSetup<Model>, 'disk' | 'disks'>): Readonly<Record<string, Required<DiskSetup>>> {
  if (disk && disks) throw new RangeError('Cannot simulate: give either disk or disks');
  const given = Object.entries(disks ?? { disk: disk ?? {} });
  if (given.length === 0) throw new RangeError('Cannot simulate: disks must name one disk or more');
  return Object.fromEntries(
    given.map(([name, { size = SIZE_DEFAULT, content = new Uint8Array(0) }]) => {
      demandCount(`the size of "${name}"`, size, SECTOR_SIZE);
      if (size % SECTOR_SIZE === 0 && size <= SIZE_MAX && content.length <= size) {
        return [name, { size, content }];
      }
      const rule = `must be sectors of 512 bytes, at most ${SIZE_MAX} bytes, and hold its content`;
      throw new RangeError(`Cannot simulate: "${name}" ${rule}: ${size}`);
    }),
  );
}

/** @throws {RangeError} For what is no whole number from `least` on. */
export function demandCount(name: string, count: number, least: number): void {
  if (Number.isSafeInteger(count) && count >= least) return;
  throw new RangeError(
    `Cannot simulate: ${name} must be a whole number from ${least} on: ${count}`,
  );
}
