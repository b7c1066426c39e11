/** What a subcommand is, and what it may use of the process. */

import type { Env } from '../env/env.ts';
import type { LineInput, LineOptions } from './line-input.ts';

/** The process as a command sees it; a test gives its own. */
export interface CommandIo {
  readonly env: Env;
  /** Writes a line to standard output: results. */
  out(line: string): void;
  /** Writes a line to standard error: everything else. */
  err(line: string): void;
  /** The width of the terminal that standard error is on, or `undefined` when it is on none. */
  readonly columns: number | undefined;
  /** Shows lines on that terminal in place of the last ones shown; none takes those away. */
  show(lines: readonly string[]): void;
  /**
   * Calls `handler` when the process should end: because of Ctrl-C or another signal, or because
   * what it says is lost, which was told. Without a handler it ends at once, and so it does the
   * third time.
   *
   * @returns What gives the handler back.
   */
  onInterrupt(handler: (cause: InterruptCause) => void): () => void;
  /**
   * Calls `clean`, which must not wait for anything, when the process ends in whatever way but
   * SIGKILL. @returns What forgets it.
   */
  onExit(clean: () => void): () => void;
  /** Reads standard input by lines; on a terminal with a prompt. Called at most once. */
  readLines(options: LineOptions): LineInput;
}

export type InterruptCause = 'signal' | 'lost output';

/** 0: done. 1: the answer is no. 2: it could not be done. */
export type ExitCode = 0 | 1 | 2;

export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** The whole help. */
  readonly usage: string;
  /** @throws {UsageError} For arguments that make no sense; {@link BlockError} for what failed. */
  run(args: readonly string[], io: CommandIo): Promise<ExitCode>;
}

/** The arguments make no sense. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
