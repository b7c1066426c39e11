/** `museum`: bugs that a mirror like this one has had, put back and found. */

import { ABSENT, EXHIBITS, find } from '../../sim/museum/index.ts';
import { describeAbsent, listMuseum } from '../../sim/museum/show.ts';
import { parseArguments } from '../arguments.ts';
import { type Command, type CommandIo, type ExitCode, UsageError } from '../command.ts';
import { mutantRunner } from '../museum-run.ts';
import { visit } from '../museum-visit.ts';
import { OUTPUT_OPTIONS } from '../sim-output.ts';

const OPTIONS = {
  ...OUTPUT_OPTIONS,
  all: { type: 'boolean', default: false },
} as const;

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
  --html FILE, --svg FILE
                      Draw what NAME does as a page, or as a picture
  --json              One JSON object a line, one for each bug

Examples:
  mirrordisk museum
  mirrordisk museum B7 --html b7.html
  mirrordisk museum --all

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
  readonly html?: string | undefined;
  readonly svg?: string | undefined;
}

async function visitMuseum(
  name: string | undefined,
  { all, json, html, svg }: Wishes,
  io: CommandIo,
): Promise<ExitCode> {
  if (name === undefined) {
    if (html !== undefined || svg !== undefined)
      throw new UsageError('--html and --svg need a NAME');
    if (all)
      return visit({ exhibits: EXHIBITS, whole: false, output: { json } }, io, mutantRunner());
    list(io, json);
    return 0;
  }
  if (all) throw new UsageError('--all takes no NAME');
  const exhibit = find(name);
  if (exhibit) {
    const output = { json, html, svg };
    return visit({ exhibits: [exhibit], whole: true, output }, io, mutantRunner());
  }
  const absent = ABSENT.find(({ id }) => id.toLowerCase() === name.toLowerCase());
  if (!absent) {
    throw new UsageError(`There is no bug ${JSON.stringify(name)}; "mirrordisk museum" lists them`);
  }
  io.out(json ? JSON.stringify({ event: 'MUSEUM_ABSENT', data: absent }) : describeAbsent(absent));
  return 0;
}

function list(io: CommandIo, json: boolean): void {
  if (!json) {
    io.out(listMuseum());
    return;
  }
  for (const { name, id, wing, title, finds } of EXHIBITS) {
    io.out(JSON.stringify({ event: 'MUSEUM_ENTRY', data: { name, id, wing, title, finds } }));
  }
}
