/** A program that runs in a folder of its own, and does not outlive this process. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** A file and its arguments. */
export type Command = readonly [string, ...string[]];

export class Running {
  readonly #process: ChildProcess;
  readonly #printed = { stdout: '', stderr: '' };
  readonly #kill = () => this.kill();
  #hasEnded = false;
  /** When the process is gone, and all that it has printed is here. */
  readonly ended: Promise<void>;

  constructor([file, ...args]: Command, folder: string) {
    this.#process = spawn(file, args, {
      cwd: folder,
      env: { ...process.env, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const name of ['stdout', 'stderr'] as const) {
      this.#process[name]?.setEncoding('utf8').on('data', (text: string) => {
        this.#printed[name] += text;
      });
    }
    process.once('exit', this.#kill);
    this.ended = once(this.#process, 'close').then(() => {
      process.off('exit', this.#kill);
      this.#hasEnded = true;
    });
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Ends it at once. */
  kill(): void {
    this.#process.kill('SIGKILL');
  }

  /** What it has printed, on one stream and then the other, and how it has ended. */
  report(): readonly string[] {
    const { exitCode, signalCode } = this.#process;
    const { stdout, stderr } = this.#printed;
    return [...linesOf(stdout), ...linesOf(stderr), `ended: ${exitCode ?? signalCode}`];
  }
}

/** @returns The lines that have anything in them. */
export function linesOf(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '');
}
