/**
 * Goes into the background: the same command runs in another process, in a session of its own, and
 * this one ends when all is set up there, or cannot be.
 *
 * Node cannot fork. The other process keeps the descriptors that its options name, and until all is
 * set up the folder and the standard output and error of this one.
 */

import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { CommandIo, ExitCode } from './command.ts';

/** Set in the environment of the process in the background. */
const MARK = 'MIRRORDISK_IN_BACKGROUND';
/** How options name a descriptor. */
const DESCRIPTOR = /(?:\bfd=|\baddr\.str=|"str"\s*:\s*")(\d+)/g;
const STANDARD_STREAMS = [0, 1, 2] as const;
/** What it makes is none of the business of others. */
const UMASK = 0o027;

/** Whether this process is the one in the background. */
export function isInBackground(): boolean {
  return process.env[MARK] !== undefined && process.send !== undefined;
}

/** Starts that process. @returns When it has set up all, or has told why it cannot. */
export function daemonize(args: readonly string[], io: CommandIo): Promise<ExitCode> {
  const [, program = ''] = process.argv;
  process.umask(UMASK);
  const child = spawn(process.execPath, [...process.execArgv, program, 'daemon', ...args], {
    detached: true,
    env: { ...process.env, [MARK]: 'yes' },
    stdio: ['ignore', 'inherit', 'inherit', ...inherited(args), 'ipc'],
  });
  return new Promise((resolve) => {
    child.once('error', (error) => {
      io.err(`mirrordisk daemon: ${error.message}`);
      resolve(1);
    });
    child.once('exit', () => resolve(1));
    child.once('message', () => {
      child.disconnect();
      child.unref();
      resolve(0);
    });
  });
}

/** Lets go of folder and output, and tells the process that waits; elsewhere it does nothing. */
export function leaveForeground(): void {
  if (!isInBackground()) return;
  process.chdir('/');
  // The lowest number that is free is taken, which is the one just closed.
  for (const descriptor of STANDARD_STREAMS) {
    closeSync(descriptor);
    openSync('/dev/null', 'r+');
  }
  process.send?.('ready');
  process.disconnect();
}

/** What becomes of the descriptors after the standard ones. */
function inherited(args: readonly string[]): readonly (number | 'ignore')[] {
  const named = args.flatMap((text) =>
    Array.from(text.matchAll(DESCRIPTOR), ([, it]) => Number(it)),
  );
  const last = Math.max(...STANDARD_STREAMS, ...named);
  return Array.from({ length: last + 1 }, (_, it) => (named.includes(it) ? it : 'ignore')).slice(
    STANDARD_STREAMS.length,
  );
}
