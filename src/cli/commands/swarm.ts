/** `swarm`: runs worlds drawn by chance, to find one that goes wrong. */

import { numberOf, parseArguments } from '../arguments.ts';
import type { Command } from '../command.ts';
import { countOf, secondsOf } from '../sim-arguments.ts';
import { OUTPUT_OPTIONS } from '../sim-output.ts';
import { runSwarm } from '../swarm-run.ts';

const OPTIONS = {
  ...OUTPUT_OPTIONS,
  seeds: { type: 'string' },
  from: { type: 'string' },
  seconds: { type: 'string' },
  threads: { type: 'string' },
  'seed-file': { type: 'string' },
} as const;

const SEEDS = 1000;

export const swarm: Command = {
  name: 'swarm',
  summary: 'Run simulated worlds drawn by chance, to find one that goes wrong',
  usage: `Usage: mirrordisk swarm [OPTIONS]

Draws a small world from each seed: its disks, what the guest asks for, how it
is mirrored, what the operator says, what goes wrong, and in which order
everything happens. Each is run once, and the rules of "mirrordisk explore" are
checked at each step. It proves nothing, and finds what is not rare, in worlds
with far more in them than could be explored.

Options:
  --seeds N           How many worlds (1000; with --seconds, as many as it can)
  --from N            The first seed (0)
  --seconds N         How long it may take (as long as it takes)
  --threads N         Worlds that run at a time (1); what is found does not
                      depend on it: it is always the lowest seed

Output:
  --seed-file FILE    Where the run that went wrong goes, as short as it gets
                      (mirrordisk-failure.json, or the next free name)
  --html FILE, --svg FILE
                      Draw that run as a page, or as a picture
  --json              One JSON object a line: the failure, and a summary

Examples:
  mirrordisk swarm --seconds 60 --threads 2
  mirrordisk swarm --from 4711 --seeds 1

Exit codes: 0 nothing was found, 1 a violation was found, 2 it could not be done
or was interrupted.`,

  async run(args, io) {
    const expected = 'options only';
    const { values } = parseArguments(args, { options: OPTIONS, expected, count: 0 });
    const { seeds, html, svg, json } = values;
    const seconds = secondsOf('seconds', values.seconds);
    const isOpen = seeds === undefined && seconds !== undefined;
    const plan = {
      firstSeed: numberOf('from', values.from ?? '0', { whole: true, max: 2 ** 50 }),
      count: isOpen ? undefined : countOf('seeds', seeds, { otherwise: SEEDS, max: 2 ** 50 }),
      seconds,
      threads: countOf('threads', values.threads, { otherwise: 1, max: 64 }),
      output: { html, svg, json, seedFile: values['seed-file'] },
    };
    return runSwarm(plan, io);
  },
};
