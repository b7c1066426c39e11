/** What a command of the human monitor is. */

import type { JsonObject } from '../../wire/qmp/json-value.ts';
import { type MonitorContext, MonitorError } from '../command.ts';
import { type ArgumentsOf, readArguments } from './parameters.ts';

/** What a command is given beside its arguments. */
export interface HmpContext {
  readonly monitor: MonitorContext;
  /** What was typed at this monitor, the oldest first. */
  readonly history: readonly string[];
  /** Tells something; lines end in a line feed. */
  readonly print: (text: string) => void;
}

/** A command that does something. */
export interface HmpAction {
  /** Its name, and others that mean the same: `quit|q`. */
  readonly name: string;
  /** As {@link readArguments} has them. */
  readonly parameters: string;
  /** The parameters as users see them. */
  readonly usage: string;
  readonly help: string;
  /**
   * @param line What stands behind its name.
   * @returns Whether the arguments were right; if not, that was told.
   * @throws {BlockError} or {@link MonitorError}: why it could not be done.
   */
  execute(line: string, context: HmpContext): Promise<'done' | 'over' | 'wrong arguments'>;
}

/** A command that is the beginning of several. */
export interface HmpFamily extends HmpAction {
  readonly commands: readonly HmpCommand[];
}

export type HmpCommand = HmpAction | HmpFamily;

/** A command whose arguments have types. */
interface Definition<Description extends string>
  extends Pick<HmpAction, 'name' | 'usage' | 'help'> {
  readonly parameters: Description;
  /** @returns `'over'` when the monitor is to say no more. */
  run(
    given: ArgumentsOf<Description>,
    context: HmpContext,
  ): Promise<undefined | 'over'> | Promise<void> | void;
}

export function defineHmpCommand<const Description extends string>(
  definition: Definition<Description>,
): HmpAction {
  const { run, ...rest } = definition;
  return {
    ...rest,
    async execute(line, context) {
      const { print: complain } = context.monitor.qemuIo.output;
      const values = readArguments(rest, line, { print: context.print, complain });
      if (!values) return 'wrong arguments';
      // The values are what the description says.
      const outcome = await run(values as ArgumentsOf<Description>, context);
      return outcome ?? 'done';
    },
  };
}

/** Whether a word is a name of a command. */
export function isNamed({ name }: Pick<HmpCommand, 'name'>, word: string): boolean {
  return name.split('|').includes(word);
}

/**
 * Has a command of QMP carried out.
 *
 * @returns What it answers, which its schema says.
 * @throws {BlockError} or {@link MonitorError}: why it could not be done.
 */
export async function executeQmp<Result>(
  { monitor }: HmpContext,
  name: string,
  given: JsonObject = {},
): Promise<Result> {
  const { commands } = monitor;
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) {
    throw new MonitorError('CommandNotFound', `The command ${name} has not been found`);
  }
  return (await command.execute(given, monitor)) as Result;
}
