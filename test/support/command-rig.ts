/** Commands of the monitor, given one after another, and what is heard of each. */

import { type Message, MonitorRig, type RigClient } from './monitor-rig.ts';

/** What a disk takes that has nothing to wait for. */
export const NULL_DISK = { driver: 'null-co', size: 1_048_576, 'read-zeroes': true };

/** How often to look for an answer, which files may keep waiting. */
const TURNS_MAX = 100_000;

export class CommandRig implements AsyncDisposable {
  readonly machine: MonitorRig['machine'];
  readonly #client: RigClient;

  private constructor(rig: MonitorRig, client: RigClient) {
    this.machine = rig.machine;
    this.#client = client;
  }

  /** @param names Of null disks that there are from the beginning. */
  static async open(...names: readonly string[]): Promise<CommandRig> {
    const monitor = new MonitorRig();
    const rig = new CommandRig(monitor, await monitor.client());
    for (const name of names) await rig.ask('blockdev-add', { ...NULL_DISK, 'node-name': name });
    return rig;
  }

  /** Gives a command. @returns The answer and the events that came with it, in their order. */
  async hear(execute: string, given: object = {}): Promise<readonly unknown[]> {
    this.#client.say(JSON.stringify({ execute, arguments: given }));
    const heard: Message[] = [];
    for (let turns = 0; !heard.some(isAnswer); turns += 1) {
      if (turns === TURNS_MAX) throw new Error(`No answer to ${execute}: ${JSON.stringify(heard)}`);
      heard.push(...(await this.#client.hear()));
    }
    // What follows from it at once.
    heard.push(...(await this.#client.hear()));
    return heard.map(wordOf);
  }

  /** Gives a command. @returns What it answered: a value, or the text of an error. */
  async ask(execute: string, given: object = {}): Promise<unknown> {
    const heard = await this.hear(execute, given);
    return heard.find((each) => typeof each === 'object' || !isEvent(each));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.machine.close();
  }
}

function isAnswer(message: Message): boolean {
  return 'return' in message || 'error' in message;
}

/** An event by its name or the status that it tells, an error by its text, else the answer. */
function wordOf(message: Message): unknown {
  const { event, data, error } = message;
  if (event === 'JOB_STATUS_CHANGE') return `+${member(data, 'status')}`;
  if (event !== undefined) return `+${event}`;
  return error === undefined ? message['return'] : member(error, 'desc');
}

function isEvent(word: unknown): boolean {
  return typeof word === 'string' && word.startsWith('+');
}

function member(object: unknown, name: string): unknown {
  return Object.getOwnPropertyDescriptor(object ?? {}, name)?.value;
}
