/** From arguments to an exit code: finds the command and turns what it throws into one line. */

import { BlockError, fromSystemError } from '../base/errors.ts';
import { asksForHelp } from './arguments.ts';
import { type Command, type CommandIo, type ExitCode, UsageError } from './command.ts';
import { version } from './version.ts';
import { printable } from './words.ts';

/** By name. Only the one that is asked for is loaded, as each needs but a part of the program. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  mirror: async () => (await import('./commands/mirror.ts')).mirror,
  serve: async () => (await import('./commands/serve.ts')).serve,
  daemon: async () => (await import('./commands/daemon.ts')).daemon,
  compare: async () => (await import('./commands/compare.ts')).compare,
  create: async () => (await import('./commands/create.ts')).create,
  info: async () => (await import('./commands/info.ts')).info,
  qmp: async () => (await import('./commands/qmp.ts')).qmp,
  explore: async () => (await import('./commands/explore.ts')).explore,
  swarm: async () => (await import('./commands/swarm.ts')).swarm,
  replay: async () => (await import('./commands/replay.ts')).replay,
  museum: async () => (await import('./commands/museum.ts')).museum,
};

/** Runs the program. Every failure becomes one line on standard error. */
export async function main(args: readonly string[], io: CommandIo): Promise<ExitCode> {
  const [name, ...rest] = args;
  switch (name) {
    case undefined:
      io.err(await usage());
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

async function help([name]: readonly string[], io: CommandIo): Promise<ExitCode> {
  const command = name === undefined ? undefined : await load(name);
  if (name !== undefined && !command) return refuse(name, io);
  io.out(command?.usage ?? (await usage()));
  return 0;
}

async function usage(): Promise<string> {
  const commands = await Promise.all(Object.values(COMMANDS).map((loaded) => loaded()));
  return `Usage: mirrordisk COMMAND [OPTIONS]

A virtual disk with a live mirror: a guest goes on writing while its disk is copied.

Commands:
${commands.map(({ name, summary }) => `  ${name.padEnd(9)} ${summary}`).join('\n')}

Options:
  --help      Show this help; "mirrordisk COMMAND --help" shows a command's
  --version   Show the version

Exit codes: 0 done, 1 the answer is no, 2 it could not be done.`;
}

/** @returns The command of that name, if there is one. */
async function load(name: string): Promise<Command | undefined> {
  return Object.hasOwn(COMMANDS, name) ? COMMANDS[name]?.() : undefined;
}

async function runCommand(name: string, args: readonly string[], io: CommandIo): Promise<ExitCode> {
  const command = await load(name);
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
