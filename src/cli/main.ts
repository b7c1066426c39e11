/** From arguments to an exit code: finds the command and turns what it throws into one line. */

import { BlockError, fromSystemError } from '../base/errors.ts';
import { asksForHelp } from './arguments.ts';
import { type Command, type CommandIo, type ExitCode, UsageError } from './command.ts';
import { compare } from './commands/compare.ts';
import { create } from './commands/create.ts';
import { daemon } from './commands/daemon.ts';
import { explore } from './commands/explore.ts';
import { info } from './commands/info.ts';
import { mirror } from './commands/mirror.ts';
import { museum } from './commands/museum.ts';
import { qmp } from './commands/qmp.ts';
import { replay } from './commands/replay.ts';
import { serve } from './commands/serve.ts';
import { swarm } from './commands/swarm.ts';
import { version } from './version.ts';
import { printable } from './words.ts';

const COMMANDS: readonly Command[] = [
  mirror,
  serve,
  daemon,
  compare,
  create,
  info,
  qmp,
  explore,
  swarm,
  replay,
  museum,
];

const USAGE = `Usage: mirrordisk COMMAND [OPTIONS]

A virtual disk with a live mirror: a guest goes on writing while its disk is copied.

Commands:
${COMMANDS.map(({ name, summary }) => `  ${name.padEnd(9)} ${summary}`).join('\n')}

Options:
  --help      Show this help; "mirrordisk COMMAND --help" shows a command's
  --version   Show the version

Exit codes: 0 done, 1 the answer is no, 2 it could not be done.`;

/** Runs the program. Every failure becomes one line on standard error. */
export async function main(args: readonly string[], io: CommandIo): Promise<ExitCode> {
  const [name, ...rest] = args;
  switch (name) {
    case undefined:
      io.err(USAGE);
      return 2;
    case '--version':
    case '-V':
      io.out(`mirrordisk ${version()}`);
      return 0;
    case '--help':
    case '-h':
    case 'help':
      return help(rest, io);
    default:
      return runCommand(name, rest, io);
  }
}

function help([name]: readonly string[], io: CommandIo): ExitCode {
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (name !== undefined && !command) return refuse(name, io);
  io.out(command?.usage ?? USAGE);
  return 0;
}

async function runCommand(name: string, args: readonly string[], io: CommandIo): Promise<ExitCode> {
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (!command) return refuse(name, io);
  if (asksForHelp(args)) {
    io.out(command.usage);
    return 0;
  }
  try {
    return await command.run(args, io);
  } catch (error) {
    io.show([]);
    io.err(describe(command.name, error));
    return 2;
  }
}

function refuse(name: string, io: CommandIo): ExitCode {
  const what = name.startsWith('-') ? 'option' : 'command';
  io.err(printable(`mirrordisk: There is no ${what} "${name}"; "mirrordisk --help" lists them`));
  return 2;
}

function describe(command: string, error: unknown): string {
  if (error instanceof UsageError) {
    const hint = `"mirrordisk ${command} --help" explains the options`;
    return printable(`mirrordisk ${command}: ${error.message}; ${hint}`);
  }
  const translated = fromSystemError(error, 'go on');
  if (translated instanceof BlockError || translated instanceof RangeError) {
    return printable(`mirrordisk ${command}: ${translated.message}`);
  }
  const stack = error instanceof Error ? error.stack : String(error);
  return `mirrordisk ${command}: This is a defect of mirrordisk; please report it: ${stack}`;
}
