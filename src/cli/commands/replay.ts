/** `replay`: runs what a seed file says, and shows it. */

import { parseArguments } from '../arguments.ts';
import type { Command } from '../command.ts';
import { runReplay } from '../replay-run.ts';
import { OUTPUT_OPTIONS } from '../sim-output.ts';

const OPTIONS = {
  ...OUTPUT_OPTIONS,
  lenient: { type: 'boolean', default: false },
} as const;

export const replay: Command = {
  name: 'replay',
  summary: 'Run again what a simulation has kept in a seed file, and show it',
  usage: `Usage: mirrordisk replay FILE [OPTIONS]

FILE is what "mirrordisk explore" and "mirrordisk swarm" keep of a run that went
wrong: a world, and what happened in it, choice by choice. Runs exactly that,
shows it as a table, time going down, and says whether a rule is broken.

Each choice has to do what was written down. Where it does not, this program is
no more the one that FILE was written with, and the run ends there. A run that
once broke a rule goes on if it does so no more, to see whether all ends well.

Options:
  --lenient           Where a choice does not fit, do what comes nearest
  --html FILE, --svg FILE
                      Draw the run as a page, or as a picture
  --json              One JSON object: how it went

Examples:
  mirrordisk replay mirrordisk-failure.json
  mirrordisk replay fixtures/seeds/force-cancel-flush-hangs.json --html run.html

Exit codes: 0 no rule is broken, 1 one is, 2 FILE could not be read, or what it
says cannot be done any more.`,

  async run(args, io) {
    const parsed = parseArguments(args, { options: OPTIONS, expected: 'a seed file', count: 1 });
    const [file = ''] = parsed.positionals;
    const { lenient, html, svg, json } = parsed.values;
    return runReplay({ file, lenient, output: { html, svg, json } }, io);
  },
};
