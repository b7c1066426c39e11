/** The real process behind a command. */

import type { Env } from '../env/env.ts';
import type { CommandIo } from './command.ts';

const CLEAR_LINE = '\r\x1b[K';

export function processIo(env: Env): CommandIo {
  const { stdout, stderr } = process;
  let shown = '';
  // A reader that has gone away, such as `head`, is no reason to fail, but one to stop.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0);
    throw error;
  });

  function show(line: string): void {
    if (!stderr.isTTY || line === shown) return;
    stderr.write(CLEAR_LINE + line);
    shown = line;
  }
  /** Writes whole lines with the shown one out of the way. */
  function write(stream: NodeJS.WriteStream, text: string): void {
    const line = shown;
    show('');
    stream.write(`${text}\n`);
    show(line);
  }
  return {
    env,
    out: (line) => write(stdout, line),
    err: (line) => write(stderr, line),
    get columns() {
      return stderr.isTTY ? stderr.columns : undefined;
    },
    show,
    onInterrupt(handler) {
      process.on('SIGINT', handler);
      process.on('SIGTERM', handler);
      return () => {
        process.off('SIGINT', handler);
        process.off('SIGTERM', handler);
      };
    },
  };
}
