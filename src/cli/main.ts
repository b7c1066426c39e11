/** From arguments to an exit code: finds the command and turns what it throws into one line. */

import { readFileSync } from 'node:fs';
import { BlockError } from '../base/errors.ts';
import { type Command, type CommandIo, type ExitCode, UsageError } from './command.ts';
import { compare } from './commands/compare.ts';
import { create } from './commands/create.ts';
import { info } from './commands/info.ts';
import { mirror } from './commands/mirror.ts';

const COMMANDS: readonly Command[] = [mirror, compare, create, info];

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
  if (name === '--version' || name === '-V') {
    io.out(`mirrordisk ${version()}`);
    return 0;
  }
  if (name === '--help' || name === '-h' || name === 'help' || name === undefined) {
    const about = COMMANDS.find((command) => command.name === rest[0]);
    if (name === undefined) io.err(USAGE);
    else io.out(about?.usage ?? USAGE);
    return name === undefined ? 2 : 0;
  }
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (!command) {
    io.err(`mirrordisk: There is no command "${name}"; "mirrordisk --help" lists them`);
    return 2;
  }
  if (rest.includes('--help') || rest.includes('-h')) {
    io.out(command.usage);
    return 0;
  }
  try {
    return await command.run(rest, io);
  } catch (error) {
    io.show('');
    io.err(describe(command.name, error));
    return 2;
  }
}

function describe(command: string, error: unknown): string {
  if (isUsageError(error)) {
    const hint = `"mirrordisk ${command} --help" explains the options`;
    return `mirrordisk ${command}: ${error.message.replaceAll('\n', ' ')}; ${hint}`;
  }
  if (error instanceof BlockError || error instanceof RangeError) {
    return `mirrordisk ${command}: ${error.message}`;
  }
  const stack = error instanceof Error ? error.stack : String(error);
  return `mirrordisk ${command}: This is a defect of mirrordisk; please report it: ${stack}`;
}

function isUsageError(error: unknown): error is Error {
  if (error instanceof UsageError) return true;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && code.startsWith('ERR_PARSE_ARGS');
}

function version(): string {
  const file = new URL('../../package.json', import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')).version;
}
