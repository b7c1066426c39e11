/** Carries out lines of the human monitor. */

import { BlockError } from '../../base/errors.ts';
import { MonitorError } from '../command.ts';
import { type HmpCommand, type HmpContext, isNamed } from './command.ts';

/** A command that was found, and where in its line. */
interface Found {
  readonly command: HmpCommand;
  /** Where its arguments begin. */
  readonly at: number;
}

/** @returns Whether the monitor goes on; what there is to say was printed. */
export async function interpret(
  line: string,
  commands: readonly HmpCommand[],
  context: HmpContext,
): Promise<'done' | 'over'> {
  const found = find(line, 0, commands, context);
  if (!found) return 'done';
  const { command, at } = found;
  try {
    const outcome = await command.execute(line.slice(at), context);
    if (outcome !== 'wrong arguments') return outcome;
    const name = line.slice(0, at).trimEnd();
    context.print(`Try "help ${name}" for more information\n`);
  } catch (error) {
    context.print(`Error: ${reasonOf(error)}\n`);
  }
  return 'done';
}

function find(
  line: string,
  start: number,
  commands: readonly HmpCommand[],
  context: HmpContext,
): Found | undefined {
  const [before = '', word] = /^\s*([^\s/]*)/.exec(line.slice(start)) ?? [];
  const end = start + before.length;
  if (end === line.length && !word) return undefined;
  const command = commands.find((each) => isNamed(each, word ?? ''));
  if (!command) {
    context.print(`unknown command: '${line.slice(0, end)}'\n`);
    return undefined;
  }
  const at = line.length - line.slice(end).trimStart().length;
  const isWhole = !('commands' in command) || at === line.length;
  return isWhole ? { command, at } : find(line, at, command.commands, context);
}

function reasonOf(error: unknown): string {
  if (error instanceof BlockError) return error.reason;
  if (error instanceof MonitorError) return error.message;
  throw error;
}
