/** `museum`: bugs that a mirror like this one has had, put back and found. */

import { ABSENT, EXHIBITS, find } from '../../sim/museum/index.ts';
import { describeAbsent, listMuseum } from '../../sim/museum/show.ts';
import { parseArguments } from '../arguments.ts';
import { type Command, type CommandIo, type ExitCode, UsageError } from '../command.ts';
import { mutantRunner } from '../museum-run.ts';
import { runSwarms } from '../museum-swarms.ts';
import { visit } from '../museum-visit.ts';
import { countOf } from '../sim-arguments.ts';
import { OUTPUT_OPTIONS } from '../sim-output.ts';

const OPTIONS = {
  ...OUTPUT_OPTIONS,
  all: { type: 'boolean', default: false },
  swarms: { type: 'string' },
} as const;

/** What one search may take that is one of many, in milliseconds. */
const SWARM_MAX_MS = 600_000;

export const museum: Command = {
  name: 'museum',
  summary: 'Put back bugs that mirrors have had, and see them found',
  usage: `Usage: mirrordisk museum [NAME] [OPTIONS]

Without NAME, lists bugs that QEMU's mirror has had, or that one like it could
have. With the name of one, or its number such as B7, tells its story; puts it
back into a copy of this program by one small change; runs every schedule of a
small world until a rule is broken; and shows that run as a table, time going
down. Then the same world is run with the program as it is.

Options:
  --all               Find every one of them, and tell each in a line
  --swarms N          Look for NAME, or for all, in worlds drawn by chance, N
                      times, and tell how many worlds half of the times took
  --html FILE, --svg FILE
                      Draw what NAME does as a page, or as a picture
  --json              One JSON object a line, one for each bug

Examples:
  mirrordisk museum
  mirrordisk museum B7 --html b7.html
  mirrordisk museum --all
  mirrordisk museum B7 --swarms 9

Exit codes: 0 each was found where it was put back, and only there, 1 one was
not, 2 it could not be done or was interrupted.`,

  async run(args, io) {
    const isNamed = args[0] !== undefined && !args[0].startsWith('-');
    const expected = 'the name of a bug before all options, or none';
    const count = isNamed ? 1 : 0;
    const parsed = parseArguments(args, { options: OPTIONS, expected, count });
    return visitMuseum(parsed.positionals[0], parsed.values, io);
  },
};

interface Wishes {
  readonly all: boolean;
  readonly json: boolean;
  readonly swarms?: string | undefined;
  readonly html?: string | undefined;
  readonly svg?: string | undefined;
}

async function visitMuseum(
  name: string | undefined,
  { all, json, swarms, html, svg }: Wishes,
  io: CommandIo,
): Promise<ExitCode> {
  const exhibit = name === undefined ? undefined : find(name);
  if (all && name !== undefined) throw new UsageError('--all takes no NAME');
  const isDrawn = html !== undefined || svg !== undefined;
  if (isDrawn && name === undefined) throw new UsageError('--html and --svg need a NAME');
  if (isDrawn && swarms !== undefined) throw new UsageError('--swarms draws no page, no picture');
  if (name !== undefined && !exhibit) return tellAbsent(name, { io, json });
  const isOfAll = all || swarms !== undefined;
  if (!exhibit && !isOfAll) return list(io, json);
  const exhibits = exhibit ? [exhibit] : EXHIBITS;
  const onExit = (clean: () => void) => io.onExit(clean);
  if (swarms !== undefined) {
    const plan = { exhibits, swarms: countOf('swarms', swarms, { otherwise: 1 }), json };
    return runSwarms(plan, io, mutantRunner({ onExit, timeMaxMs: SWARM_MAX_MS }));
  }
  const plan = { exhibits, whole: exhibit !== undefined, output: { json, html, svg } };
  return visit(plan, io, mutantRunner({ onExit }));
}

function tellAbsent(
  name: string,
  { io, json }: { readonly io: CommandIo; readonly json: boolean },
): ExitCode {
  const absent = ABSENT.find(({ id }) => id.toLowerCase() === name.toLowerCase());
  if (!absent) {
    throw new UsageError(`There is no bug ${JSON.stringify(name)}; "mirrordisk museum" lists them`);
  }
  io.out(json ? JSON.stringify({ event: 'MUSEUM_ABSENT', data: absent }) : describeAbsent(absent));
  return 0;
}

function list(io: CommandIo, json: boolean): ExitCode {
  if (json) {
    for (const { name, id, wing, title, finds, swarmMedian } of EXHIBITS) {
      const data = { name, id, wing, title, finds, swarmMedian };
      io.out(JSON.stringify({ event: 'MUSEUM_ENTRY', data }));
    }
  } else {
    io.out(listMuseum());
  }
  return 0;
}
