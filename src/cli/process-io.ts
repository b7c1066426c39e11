/** The real process behind a command: its streams, its terminal, its signals. */

import { BlockError, fromSystemError } from '../base/errors.ts';
import type { Env } from '../env/env.ts';
import type { CommandIo, ExitCode } from './command.ts';
import { Endings } from './endings.ts';
import { readLines } from './line-input.ts';
import { LiveLines } from './live-lines.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** Of a terminal that does not tell. */
const COLUMNS = 80;
const ROWS = 24;

export interface ProcessIo extends CommandIo {
  /** Lets the process end by itself, with this code unless its output was lost. */
  finish(code: ExitCode): void;
}

export function processIo(env: Env): ProcessIo {
  const { stdout, stderr } = process;
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

  const endings = new Endings({ clock: env.clock, die });
  endings.onExit(() => live.show([]));
  for (const signal of SIGNALS) process.on(signal, () => endings.signalled(signal));
  process.on('exit', () => endings.clean());
  process.on('uncaughtException', (error) => {
    err(`mirrordisk: This is a defect of mirrordisk; please report it: ${error.stack ?? error}`);
    process.exit(2);
  });
  // Ctrl-Z: what the shell says then must not be drawn over.
  process.on('SIGTSTP', () => {
    live.show([]);
    process.kill(process.pid, 'SIGSTOP');
  });

  let isOutputLost = false;
  stdout.on('error', (error) => {
    if (isOutputLost) return;
    isOutputLost = true;
    process.exitCode = 2;
    err(`mirrordisk: Cannot write to standard output: ${whyLost(error)}`);
    if (!endings.outputLost()) process.exit();
  });
  // There is nobody left to tell of it.
  stderr.on('error', () => {});
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
    readLines: (options) => readLines({ input: process.stdin, output: stdout }, options),
    finish: (code) => {
      if (!isOutputLost) process.exitCode = code;
    },
  };
}

function die(signal: NodeJS.Signals): void {
  for (const name of SIGNALS) process.removeAllListeners(name);
  process.kill(process.pid, signal);
}

function whyLost(error: Error): string {
  if ('code' in error && error.code === 'EPIPE') return 'its reader has gone';
  const known = fromSystemError(error, 'write to standard output');
  return known instanceof BlockError ? known.description : error.message;
}
