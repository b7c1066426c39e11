/** A command that runs in a shell beside ours, with its streams. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** What a shell ends with when a signal has ended it. */
const SIGNALLED = 128;

export class ShellCommand {
  readonly #child: ChildProcess;
  /** Resolves to the exit code. */
  readonly finished: Promise<number>;

  /** Starts it. @param variables Are added to its environment. */
  constructor(command: string, variables: Readonly<Record<string, string>>) {
    const env = { ...process.env, ...variables };
    this.#child = spawn('/bin/sh', ['-c', command], { env, stdio: 'inherit' });
    const kill = () => this.#child.kill('SIGTERM');
    process.once('exit', kill);
    this.finished = once(this.#child, 'exit').then(([code]) => {
      process.off('exit', kill);
      return code ?? SIGNALLED;
    });
  }

  /** Ends it, if it has not ended. @returns Its exit code. */
  stop(): Promise<number> {
    this.#child.kill('SIGTERM');
    return this.finished;
  }
}
