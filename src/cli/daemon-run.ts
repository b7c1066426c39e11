/**
 * One run of `mirrordisk daemon`: what its options make, until a client or a signal ends it.
 *
 * As in QEMU the options are processed in their order, so that each uses only what comes before it,
 * and clients are let in to what the options have made so far. The end is in QEMU's order as well:
 * exports, jobs, disks, and then the clients of the monitor, who are told all of it.
 */

import { BlockError } from '../base/errors.ts';
import { nodeStreams } from '../env/node-streams.ts';
import { Machine } from '../machine/machine.ts';
import type { ShutdownReason } from '../machine/run-state.ts';
import { commands } from '../monitor/commands/index.ts';
import { Monitor } from '../monitor/monitor.ts';
import { tracedCommands, traceJobs, tracePoints } from '../monitor/tracing.ts';
import type { CommandIo } from './command.ts';
import { GuestSetup } from './daemon-devices.ts';
import { Tracer } from './daemon-trace.ts';

/** How a daemon is set up. */
export interface DaemonSetting {
  readonly io: CommandIo;
  /** It has no terminal and no streams of its own. */
  readonly isInBackground: boolean;
  /** The guest runs at once. */
  readonly autostart: boolean;
}

export class Daemon {
  readonly machine: Machine;
  readonly monitor: Monitor;
  readonly guest: GuestSetup;
  readonly tracer: Tracer;
  readonly io: CommandIo;
  /** Resolves when it has been asked to end. */
  readonly asked: Promise<void>;
  /** The file that holds the number of the process once all options are processed. */
  pidFile: string | undefined;
  /** The option that is being processed, for messages. */
  location: string | undefined;
  readonly #autostart: boolean;
  #ask = () => {};
  #closing: Promise<void> | undefined;

  constructor({ io, isInBackground, autostart }: DaemonSetting) {
    this.io = io;
    this.#autostart = autostart;
    const tracer = new Tracer({ points: tracePoints(commands), err: (line) => io.err(line) });
    const env = {
      ...io.env,
      get trace() {
        return tracer.trace;
      },
    };
    this.tracer = tracer;
    this.machine = new Machine(env, {}, { autostart, onWarning: (text) => io.err(text) });
    this.guest = new GuestSetup(this.machine, (text) => this.report(text));
    traceJobs(this.machine, env);
    this.asked = new Promise((resolve) => {
      this.#ask = resolve;
    });
    this.monitor = new Monitor({
      machine: this.machine,
      commands: tracedCommands(commands, env),
      world: {
        env: io.env,
        streams: nodeStreams,
        report: (text) => this.report(text),
        hasStdio: !isInBackground,
      },
      // Both are given whole lines.
      output: {
        print: (text) => io.out(text.slice(0, -1)),
        complain: (text) => io.err(text.slice(0, -1)),
      },
      quit: async () => {
        await this.#closeMachine('host-qmp-quit');
        // The client is answered before.
        void io.env.clock.turn().then(this.#ask);
      },
    });
  }

  /** Whether what there was is being closed, so that nothing new can be made. */
  get isEnding(): boolean {
    return this.#closing !== undefined;
  }

  /** Asks it to end. */
  end(): void {
    this.#ask();
  }

  /** Tells the user something, as QEMU does: with the program and the option before it. */
  report(text: string): void {
    const where = this.location === undefined ? '' : `${this.location}: `;
    this.io.err(`mirrordisk daemon: ${where}${text}`);
  }

  /** Closes all there is. */
  async close(): Promise<void> {
    await this.#closeMachine('host-signal');
    await this.monitor.close();
  }

  /** What cannot be made durable is told, and keeps nothing from being closed. */
  #closeMachine(reason: ShutdownReason): Promise<void> {
    this.#closing ??= this.#endMachine(reason);
    return this.#closing;
  }

  /** Whether anything has been said of a guest: how it starts, what it is called, what it has. */
  get #hasGuest(): boolean {
    const { drives, name } = this.machine;
    return !this.#autostart || name !== undefined || drives.all.length > 0;
  }

  async #endMachine(reason: ShutdownReason): Promise<void> {
    const { machine } = this;
    this.location = undefined;
    try {
      await machine.exports.stop();
      // Where there is no guest nobody tells of its end, as in the storage daemon.
      await machine.shutdown(this.#hasGuest ? reason : undefined);
    } catch (error) {
      if (!(error instanceof BlockError)) throw error;
      this.report(error.message);
    }
  }
}
