/** What a command of the monitor is: its part of the schema, and what it does. */

import type { Machine } from '../machine/machine.ts';
import type { CommandSchema } from '../wire/qapi/command.ts';
import { type Notation, wholeOf } from '../wire/qapi/type.ts';
import type { JsonObject } from '../wire/qmp/json-value.ts';
import type { QmpErrorClass } from '../wire/qmp/messages.ts';
import type { Chardevs } from './chardev/chardevs.ts';
import type { QemuIo } from './hmp/io/qemu-io.ts';

/** What commands work on. */
export interface MonitorContext {
  readonly machine: Machine;
  /** All that there are, for those who ask. */
  readonly commands: CommandRegistry;
  readonly chardevs: Chardevs;
  /** What the human monitor's command of that name works with. */
  readonly qemuIo: QemuIo;
  /** Ends the machine, and then the program; resolves in between. */
  quit(): Promise<void>;
}

/** A command that checks its arguments itself. */
export interface MonitorCommand extends CommandSchema<unknown, unknown> {
  /**
   * Carries it out. Events that it causes before it has resolved are told before its answer.
   *
   * @param notation How its arguments are written. @default 'json'
   * @returns What is answered; nothing, for an empty object.
   * @throws {BlockError} Whose reason the client is told as a GenericError; {@link MonitorError}
   *   for an error of another class.
   */
  execute(given: JsonObject, context: MonitorContext, notation?: Notation): Promise<unknown>;
}

/** Commands by name. */
export type CommandRegistry = Readonly<Record<string, MonitorCommand>>;

/** @param run As {@link MonitorCommand.execute}, with arguments that have been checked. */
export function defineCommand<Arguments, Result>(
  schema: CommandSchema<Arguments, Result>,
  run: (given: Arguments, context: MonitorContext) => Result | Promise<Result>,
): MonitorCommand {
  return {
    ...schema,
    execute: async (given, context, notation = 'json') => {
      return run(schema.arguments.read(given, wholeOf(notation)), context);
    },
  };
}

/** An error that clients tell apart from others by its class. */
export class MonitorError extends Error {
  override readonly name = 'MonitorError';
  readonly class: QmpErrorClass;

  constructor(errorClass: QmpErrorClass, message: string) {
    super(message);
    this.class = errorClass;
  }
}
