/** Plays a scenario against a program and writes down what comes of it. */

import { access, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { unreachable } from '../../../src/base/assert.ts';
import { withFolder } from '../../support/temporary.ts';
import { findTool } from '../../support/tools.ts';
import { normalised } from './normalise.ts';
import { type Command, linesOf, Running } from './running.ts';
import type { Scenario, Step } from './scenario.ts';
import { Session } from './session.ts';

/** What can be started with the options of a storage daemon. */
export interface Program {
  /** The file, and the arguments that come before those of a scenario. */
  readonly command: Command;
  /** Its option for a monitor. */
  readonly monitorOption: '--monitor' | '--mon';
}

/**
 * What each of those who dealt with the program has seen, in order. Who came first among several of
 * them is up to the operating system.
 */
export type Transcript = Readonly<Record<string, readonly string[]>>;

const PID_FILE = 'pid';
const ATTEMPTS_MAX = 1000;
const PAUSE_MS = 10;
const EXIT_MAX_MS = 10_000;

/** Whatever the program does, it is in the transcript, and no failure here. */
export function play(scenario: Scenario, program: Program): Promise<Transcript> {
  return withFolder(async (folder) => {
    for (const [name, content] of Object.entries(scenario.files ?? {})) {
      const isSize = typeof content === 'number';
      await writeFile(join(folder, name), isSize ? '' : content);
      if (isSize) await truncate(join(folder, name), content);
    }
    const { served } = scenario;
    const server = served === undefined ? undefined : await serve(served, folder);
    const run = new Run(folder, program, scenario.args ?? []);
    try {
      if (!scenario.isRefused) await run.steps(scenario.steps ?? []);
    } finally {
      await run.end();
      server?.kill();
      await server?.ended;
    }
    return normalised(run.transcript);
  });
}

/** Starts a server of NBD, at `server.sock`. */
async function serve(file: string, folder: string): Promise<Running> {
  const options = ['--persistent', '--shared=0', '--format=raw'];
  const socket = join(folder, 'server.sock');
  const server = new Running(['qemu-nbd', ...options, `--socket=${socket}`, file], folder);
  await eventually(server, () => access(socket));
  return server;
}

/** Tries something that fails while a program starts, until it succeeds. */
async function eventually<Result>(
  program: Running,
  attempt: () => Promise<Result>,
): Promise<Result> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (program.hasEnded) throw new Error('it ended');
      if (attempts === ATTEMPTS_MAX) throw error;
      await sleep(PAUSE_MS);
    }
  }
}

class Run {
  /** What everybody has seen so far. */
  readonly transcript: Record<string, string[]> = {};
  readonly #folder: string;
  readonly #program: Running;
  readonly #sessions = new Map<string, Session>();

  constructor(folder: string, { command, monitorOption }: Program, args: readonly string[]) {
    const chardev = 'socket,id=qmp,path=qmp.sock,server=on,wait=off';
    const monitor = ['--chardev', chardev, monitorOption, 'chardev=qmp,mode=control'];
    this.#folder = folder;
    this.#program = new Running([...command, '--pidfile', PID_FILE, ...monitor, ...args], folder);
  }

  /** Does the steps, up to the first that cannot be done. */
  async steps(steps: readonly Step[]): Promise<void> {
    try {
      const session = await this.#open('qmp');
      await session.send('{"execute": "qmp_capabilities"}\n', 1);
      for (const step of steps) await this.#step(step);
    } catch (error) {
      this.#lines('stopped').push((error as Error).message);
    }
  }

  /** Quits, where that has not happened, and waits for the end of all. */
  async end(): Promise<void> {
    const timer = setTimeout(() => this.#program.kill(), EXIT_MAX_MS);
    const mustQuit = this.#sessions.has('qmp') && !this.#program.hasEnded;
    if (mustQuit) await this.#quit('qmp').catch(() => this.#program.kill());
    await this.#program.ended;
    clearTimeout(timer);
    this.#lines('process').push(...this.#program.report());
  }

  async #step(step: Step): Promise<void> {
    switch (step.kind) {
      case 'open':
        await this.#open(step.monitor);
        return;
      case 'close':
        return this.#session(step.monitor).close();
      case 'quit':
        return this.#quit(step.monitor);
      case 'send':
        return this.#session(step.monitor).send(step.text, step.replies);
      case 'poll':
        return this.#session(step.monitor).poll(step.text, step.until);
      case 'event':
        return this.#session(step.monitor).event(step.name, step.data);
      case 'race':
        return this.#race(step.monitor, step.steps);
      case 'guest':
        return this.#guest(step.export, step.commands);
      default:
        unreachable(step);
    }
  }

  async #open(monitor: string): Promise<Session> {
    const session = await eventually(this.#program, async () => {
      // The storage daemon greets those twice who come while it starts.
      await access(join(this.#folder, PID_FILE));
      return Session.open(join(this.#folder, `${monitor}.sock`), this.#lines(monitor));
    });
    this.#sessions.set(monitor, session);
    await session.greeted();
    return session;
  }

  async #quit(monitor: string): Promise<void> {
    await this.#session(monitor).send('{"execute": "quit"}\n', 1);
    for (const session of this.#sessions.values()) await session.ended();
    await this.#program.ended;
  }

  async #race(monitor: string, steps: readonly Step[]): Promise<void> {
    const lines = this.#lines(monitor);
    const before = lines.length;
    for (const step of steps) await this.#step(step);
    lines.push(...lines.splice(before).sort());
  }

  async #guest(name: string, commands: readonly string[]): Promise<void> {
    const qemuIo = findTool('qemu-io');
    if (!qemuIo) throw new Error('qemu-io is not installed');
    const args = commands.flatMap((command) => ['-c', command]);
    const access = commands.every((command) => command.startsWith('read')) ? ['-r'] : [];
    const uri = `nbd+unix:///${name}?socket=nbd.sock`;
    const options = { cwd: this.#folder, exitCodes: [0, 1] };
    const { stdout, stderr } = await qemuIo(['-f', 'raw', ...access, uri, ...args], options);
    this.#lines('guest').push(...commands, ...linesOf(stdout), ...linesOf(stderr));
  }

  #session(monitor: string): Session {
    const session = this.#sessions.get(monitor);
    if (!session) throw new Error(`not connected: ${monitor}`);
    return session;
  }

  #lines(who: string): string[] {
    this.transcript[who] ??= [];
    return this.transcript[who];
  }
}
