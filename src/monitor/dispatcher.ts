/**
 * Carries out the commands of all clients, one at a time.
 *
 * So a command never meets another one half done. The clients take turns, a command each; only what
 * may be executed out of band is not held up by others.
 */

import { BlockError } from '../base/errors.ts';
import type { JsonObject, JsonValue } from '../wire/qmp/json-value.ts';
import { failure, genericError, type QmpCommand, success } from '../wire/qmp/messages.ts';
import { type MonitorContext, MonitorError } from './command.ts';

/** A client that may have commands waiting. */
export interface Waiting {
  /** Has the oldest of its requests done, and answers it; there may be none any more. */
  serveNext(): Promise<void>;
}

export class Dispatcher {
  readonly #context: MonitorContext;
  /** Clients with requests, the one whose turn it is first. */
  readonly #waiting = new Set<Waiting>();
  #isRunning = false;
  #isStopped = false;

  constructor(context: MonitorContext) {
    this.#context = context;
  }

  /** Gives a client that has a request one turn, after those that wait for theirs. */
  enqueue(client: Waiting): void {
    this.#waiting.add(client);
    if (!this.#isRunning) void this.#run();
  }

  /** Lets the command that is being carried out be the last. */
  stop(): void {
    this.#isStopped = true;
  }

  /** @returns The answer to a command. */
  async execute(command: QmpCommand): Promise<JsonObject> {
    const { id } = command;
    try {
      return success(await this.#resultOf(command), id);
    } catch (error) {
      if (error instanceof BlockError) return failure(genericError(error), id);
      if (!(error instanceof MonitorError)) throw error;
      return failure({ class: error.class, desc: error.message }, id);
    }
  }

  async #resultOf({ name, arguments: given, outOfBand }: QmpCommand): Promise<JsonValue> {
    const { commands } = this.#context;
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (!command) {
      throw new MonitorError('CommandNotFound', `The command ${name} has not been found`);
    }
    if (outOfBand && !command.allowsOutOfBand) {
      throw new MonitorError('GenericError', `The command ${name} does not support OOB`);
    }
    const result = await command.execute(given, this.#context);
    // The schema of a command says what it answers; all of QAPI's values are JSON's.
    return (result ?? {}) as JsonValue;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    for (const client of this.#waiting) {
      if (this.#isStopped) return;
      this.#waiting.delete(client);
      await client.serveNext();
    }
    this.#isRunning = false;
  }
}
