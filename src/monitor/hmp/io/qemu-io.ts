/**
 * Carries out commands of qemu-io, the program, on the disks of a running machine.
 *
 * As in QEMU, what they tell goes to the standard output of the program and what is wrong with
 * their form to its standard error; only some errors go to the monitor. A command is over when its
 * request has ended; but what is asynchronous goes on beyond the command that began it.
 */

import { BlockError } from '../../../base/errors.ts';
import type { Machine } from '../../../machine/machine.ts';
import { type IoCommand, type IoContext, type IoDisk, type IoOutput, IoStop } from './command.ts';
import { findIoCommand } from './index.ts';

/** Where a line comes from, and what it is about. */
export interface IoRequest {
  readonly machine: Machine;
  readonly disk: IoDisk;
  /** Tells who has given the command what is wrong. */
  readonly report: (text: string) => void;
}

export class QemuIo {
  readonly #output: IoOutput;
  /** What was detached and has not ended. */
  readonly #detached = new Set<Promise<void>>();

  constructor(output: IoOutput) {
    this.#output = output;
  }

  /** What the monitor itself tells in the same places. */
  get output(): IoOutput {
    return this.#output;
  }

  /**
   * Carries out one line.
   *
   * @returns Requests of the line that go on, when the line is over. @throws Nothing of the disk's.
   */
  async run(line: string, request: IoRequest): Promise<readonly Promise<void>[]> {
    const [name, ...words] = line.split(' ').filter((word) => word !== '');
    if (name === undefined) return [];
    const command = findIoCommand(name);
    if (!command) {
      this.#output.complain(`command "${name}" not found\n`);
      return [];
    }
    if (!this.#hasCount(command, name, words.length) || !mayRun(command, request)) return [];
    const detached: Promise<void>[] = [];
    const context = this.#contextOf(request, detached);
    try {
      await command.run(words, context);
    } catch (error) {
      if (!(error instanceof IoStop)) throw error;
      context.print(`${error.message}\n`);
    }
    return detached;
  }

  #contextOf(request: IoRequest, detached: Promise<void>[]): IoContext {
    const { print, complain } = this.#output;
    return {
      ...request,
      print,
      complain,
      detach: (started) => {
        const ended = started.finally(() => this.#detached.delete(ended));
        this.#detached.add(ended);
        detached.push(ended);
      },
      whenIdle: async () => {
        await Promise.all(this.#detached);
      },
    };
  }

  #hasCount(command: IoCommand, name: string, count: number): boolean {
    const { countMin: min = 0, countMax: max = min } = command;
    if (count >= min && count <= max) return true;
    let expected = `between ${min} and ${max}`;
    if (max === Number.POSITIVE_INFINITY) expected = `at least ${min}`;
    else if (max === min) expected = `${min}`;
    this.#output.complain(
      `bad argument count ${count} to ${name}, expected ${expected} arguments\n`,
    );
    return false;
  }
}

/** @returns Whether the disk may be used so; if not, that was told. */
function mayRun({ needs }: IoCommand, { disk, report }: IoRequest): boolean {
  if (!needs || !disk.edge) return true;
  try {
    if (disk.edge.node.options.readOnly) {
      throw new BlockError('EPERM', 'change the disk', 'Block node is read-only');
    }
    disk.demand?.(needs);
    return true;
  } catch (error) {
    if (!(error instanceof BlockError)) throw error;
    report(`${error.reason}\n`);
    return false;
  }
}
