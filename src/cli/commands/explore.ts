/** `explore`: runs every schedule of small worlds, and says whether one goes wrong. */

import { SECTOR_SIZE } from '../../device/request.ts';
import { numberOf, parseArguments, sizeOf, wordOf } from '../arguments.ts';
import { type Command, UsageError } from '../command.ts';
import { PRESETS } from '../explore-presets.ts';
import { type ExplorePlan, runExplore } from '../explore-run.ts';
import {
  COPY_MODES,
  FAULT_NAMES,
  VERB_NAMES,
  type WorldWishes,
  worldsOf,
} from '../explore-worlds.ts';
import { countOf, secondsOf, wordsOf } from '../sim-arguments.ts';
import { OUTPUT_OPTIONS } from '../sim-output.ts';
import { describeProgram, parseProgram, roundOfWrites } from '../sim-program.ts';

const WORLD_OPTIONS = {
  granules: { type: 'string' },
  granularity: { type: 'string' },
  guest: { type: 'string' },
  writes: { type: 'string' },
  depth: { type: 'string' },
  overlap: { type: 'boolean' },
  stages: { type: 'string' },
  'copy-mode': { type: 'string' },
  verbs: { type: 'string' },
  faults: { type: 'string' },
  steps: { type: 'string' },
} as const;

const OPTIONS = {
  ...WORLD_OPTIONS,
  ...OUTPUT_OPTIONS,
  preset: { type: 'string' },
  pruning: { type: 'string' },
  executions: { type: 'string' },
  seconds: { type: 'string' },
  threads: { type: 'string' },
  'seed-file': { type: 'string' },
} as const;

export const explore: Command = {
  name: 'explore',
  summary: 'Run every schedule of small worlds, to find one that goes wrong',
  usage: `Usage: mirrordisk explore [OPTIONS]

Runs the mirror in a simulated world in which nothing happens by itself: what
happens next, which request takes effect, which is answered, when the guest asks
and when the operator speaks, is a choice, and every sequence of choices is run.
Rules are checked at each step, such as that no write the guest was told is made
is missing on the target. One run is an execution; what tells two points of runs
apart is a state.

There is a world for each copy mode, each verb and each fault that is listed.

The disks and the guest:
  --preset small      2 granules, 2 guest writes, 4 verbs, both copy modes: 5 s
  --preset issue      2 granules, 3 guest writes, 4 verbs, both copy modes, any
                      fault; 3 granules, 4 guest writes: a minute
  --granules N        How large the disks are (2)
  --granularity SIZE  What one dirty bit stands for; sectors are 512 bytes (512)
  --writes N          Writes of a granule each, round and round the disk (2)
  --guest PROGRAM     What the guest asks for instead, in this order: write,
                      read, zeroes, discard and flush, with SECTOR or
                      SECTOR+COUNT, and @ready or @end for what is to wait for
                      that: "write 0+2, flush, read 1, write 0 @ready"
  --depth N           How many guest requests may be in flight (2)
  --overlap           Also such as write what others in flight write or read
  --stages 1|2        What is chosen of a disk request: when it is answered, or
                      also when it takes effect, which is much more (1)

What happens to the mirror, once each, at any point:
  --copy-mode LIST    Of background, write-blocking, adaptive, or all
                      (background,write-blocking)
  --verbs LIST        Of complete, cancel, cancel-force, pause+resume,
                      set-speed, change-mode, drain, or all (complete)
  --faults LIST       Of none, source-error, target-error, source-stall,
                      target-stall, power-cut, or all (none)

The search:
  --pruning KIND      What is left out, as nothing new is found there (visible):
                      none: nothing
                      exact: what certainly leads to nothing new
                      visible: states that look the same as a known one
  --executions N      A bound for each world (1000000)
  --seconds N         A budget for all together (none)
  --threads N         Worlds that are searched at a time (1); what is found does
                      not depend on it
  --steps N           How long a run may be before it is said not to end (5000)

Output:
  --seed-file FILE    Where the run that went wrong goes, as short as it gets
                      (mirrordisk-failure.json, or the next free name)
  --html FILE, --svg FILE
                      Draw that run as a page, or as a picture
  --json              One JSON object a line: worlds, the failure, a summary

Examples:
  mirrordisk explore --preset small
  mirrordisk explore --guest "write 0, write 0, read 0" --overlap --stages 2
  mirrordisk explore --writes 3 --verbs all --faults target-error --threads 2

Exit codes: 0 nothing was found, by a search that was complete or that used up
the --seconds it was given, 1 a violation was found, 2 it could not be done, or
the search hit its bound or was interrupted, and so has proved nothing.`,

  async run(args, io) {
    const expected = 'options only';
    const { values } = parseArguments(args, { options: OPTIONS, expected, count: 0 });
    return runExplore(readPlan(values), io);
  },
};

type Values = ReturnType<typeof parseArguments<typeof OPTIONS>>['values'];

/** Beyond these, no search comes to an end. */
const GRANULES_MAX = 64;
const WRITES_MAX = 64;
const EXECUTIONS = 1_000_000;
const PRUNING = ['none', 'exact', 'visible'] as const;

function readPlan(values: Values): ExplorePlan {
  const { html, svg, json } = values;
  return {
    ...readWorlds(values),
    pruning: wordOf('pruning', values.pruning ?? 'visible', PRUNING),
    executionsMax: countOf('executions', values.executions, { otherwise: EXECUTIONS }),
    seconds: secondsOf('seconds', values.seconds),
    threads: countOf('threads', values.threads, { otherwise: 1, max: 64 }),
    output: { html, svg, json, seedFile: values['seed-file'] },
  };
}

function readWorlds(values: Values): Pick<ExplorePlan, 'title' | 'worlds'> {
  const { preset } = values;
  if (preset === undefined) return ownWorlds(values);
  const stray = Object.keys(WORLD_OPTIONS).find((name) => name in values);
  if (stray !== undefined) throw new UsageError(`--${stray} does not go with a --preset`);
  return PRESETS[wordOf('preset', preset, ['small', 'issue'])]();
}

function ownWorlds(values: Values): Pick<ExplorePlan, 'title' | 'worlds'> {
  const wishes = readWishes(values);
  const { granules, granularity, requests } = wishes;
  const disk = `${granules} x ${granularity} bytes`;
  return {
    title: `disks: ${disk}; guest: ${describeProgram(requests) || 'asks for nothing'}`,
    worlds: worldsOf(wishes),
  };
}

function readWishes(values: Values): WorldWishes {
  const { guest, writes } = values;
  if (guest !== undefined && writes !== undefined) {
    throw new UsageError('--guest and --writes both say what the guest asks for');
  }
  const granules = countOf('granules', values.granules, { otherwise: 2, max: GRANULES_MAX });
  const granularity = readGranularity(values.granularity ?? '512');
  const sectorsEach = granularity / SECTOR_SIZE;
  const count = numberOf('writes', writes ?? '2', { whole: true, max: WRITES_MAX });
  return {
    granules,
    granularity,
    requests:
      guest === undefined
        ? roundOfWrites(count, { granules, sectorsEach })
        : parseProgram(guest, granules * sectorsEach),
    depth: countOf('depth', values.depth, { otherwise: 2, max: WRITES_MAX }),
    overlap: values.overlap ?? false,
    stages: wordOf('stages', values.stages ?? '1', ['1', '2']) === '1' ? 1 : 2,
    copyModes: wordsOf('copy-mode', values['copy-mode'] ?? 'background,write-blocking', COPY_MODES),
    verbs: wordsOf('verbs', values.verbs ?? 'complete', VERB_NAMES),
    faults: wordsOf('faults', values.faults ?? 'none', FAULT_NAMES),
    stepsMax: countOf('steps', values.steps, { otherwise: 5000 }),
  };
}

function readGranularity(text: string): number {
  const size = sizeOf('granularity', text);
  const isPower = size >= SECTOR_SIZE && Number.isInteger(Math.log2(size));
  if (isPower && size <= 65_536) return size;
  throw new UsageError(`--granularity must be a power of two from 512 to 64K: "${text}"`);
}
