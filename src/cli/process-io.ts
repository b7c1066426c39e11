/**
 * The real process behind a command.
 *
 * A signal asks a command to end; so does output that cannot be written, for whoever was to read it
 * has gone or the disk is full. A command that minds has a handler and does it well; otherwise, and
 * at the third time, the process ends at once, as the signal would have ended it.
 */

import { BlockError, fromSystemError } from '../base/errors.ts';
import type { Env } from '../env/env.ts';
import type { CommandIo, ExitCode, InterruptCause } from './command.ts';
import { LiveLines } from './live-lines.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** How often the process may be asked to end before it does. */
const REQUESTS_MAX = 3;
/** A terminal signals all its programs, and some, such as npx, pass it on: that counts once. */
const ECHO_MS = 100;
/** Of a terminal that does not tell. */
const COLUMNS = 80;
const ROWS = 24;

export interface ProcessIo extends CommandIo {
  /** Lets the process end by itself, with this code unless its output was lost. */
  finish(code: ExitCode): void;
}

export function processIo(env: Env): ProcessIo {
  const { stdout, stderr } = process;
  const endings = new Endings(env);
  const isTerminal = stderr.isTTY && process.env['TERM'] !== 'dumb';
  const columns = () => stderr.columns || COLUMNS;
  const live = new LiveLines({
    get columns() {
      return columns();
    },
    get rows() {
      return stderr.rows || ROWS;
    },
    write: (text) => void stderr.write(text),
  });
  /** Writes whole lines with those shown out of the way. */
  function write(stream: NodeJS.WriteStream, text: string): void {
    const { shown } = live;
    live.show([]);
    if (stream.writable) stream.write(`${text}\n`);
    live.show(shown);
  }
  const err = (line: string) => write(stderr, line);

  stdout.on('error', (error) => {
    if (endings.isOutputLost) return;
    err(`mirrordisk: Cannot write to standard output: ${whyLost(error)}`);
    endings.outputLost();
  });
  // There is nobody left to tell of it.
  stderr.on('error', () => {});
  endings.onExit(() => live.show([]));
  process.on('uncaughtException', (error) => {
    err(`mirrordisk: This is a defect of mirrordisk; please report it: ${error.stack ?? error}`);
    process.exit(2);
  });
  // Ctrl-Z: what the shell says then must not be drawn over.
  process.on('SIGTSTP', () => {
    live.show([]);
    process.kill(process.pid, 'SIGSTOP');
  });
  return {
    env,
    out: (line) => write(stdout, line),
    err,
    get columns() {
      return isTerminal ? columns() : undefined;
    },
    show: (lines) => {
      if (isTerminal) live.show(lines);
    },
    onInterrupt: (handler) => endings.onInterrupt(handler),
    onExit: (clean) => endings.onExit(clean),
    finish: (code) => endings.finish(code),
  };
}

function whyLost(error: Error): string {
  if ('code' in error && error.code === 'EPIPE') return 'its reader has gone';
  const known = fromSystemError(error, 'write to standard output');
  return known instanceof BlockError ? known.description : error.message;
}

/** The ways in which the process may end before its command has. */
class Endings {
  readonly #env: Env;
  readonly #cleaners = new Set<() => void>();
  readonly #handlers = new Set<(cause: InterruptCause) => void>();
  #requests = 0;
  #lastMs = -Infinity;
  #isOutputLost = false;

  constructor(env: Env) {
    this.#env = env;
    for (const signal of SIGNALS) process.on(signal, () => this.#signalled(signal));
    process.on('exit', () => this.#clean());
  }

  get isOutputLost(): boolean {
    return this.#isOutputLost;
  }

  onInterrupt(handler: (cause: InterruptCause) => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  onExit(clean: () => void): () => void {
    this.#cleaners.add(clean);
    return () => this.#cleaners.delete(clean);
  }

  outputLost(): void {
    this.#isOutputLost = true;
    process.exitCode = 2;
    if (this.#handlers.size === 0) process.exit();
    // Who has been asked already need not hurry for this.
    if (this.#requests === 0) this.#request('lost output');
  }

  finish(code: ExitCode): void {
    if (!this.#isOutputLost) process.exitCode = code;
  }

  #signalled(signal: NodeJS.Signals): void {
    const nowMs = this.#env.clock.nowMs();
    const isEcho = nowMs - this.#lastMs < ECHO_MS;
    this.#lastMs = nowMs;
    if (isEcho && this.#requests > 0) return;
    if (this.#handlers.size === 0 || this.#requests + 1 >= REQUESTS_MAX) {
      this.#clean();
      for (const name of SIGNALS) process.removeAllListeners(name);
      process.kill(process.pid, signal);
    } else {
      this.#request('signal');
    }
  }

  #request(cause: InterruptCause): void {
    this.#requests += 1;
    for (const handler of this.#handlers) handler(cause);
  }

  #clean(): void {
    for (const clean of this.#cleaners) clean();
    this.#cleaners.clear();
  }
}
