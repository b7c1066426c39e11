/** A process that a test gives to a command: it hears all that is said, and can interrupt it. */

import type { CommandIo, ExitCode, InterruptCause } from '../../src/cli/command.ts';
import type { LineInput } from '../../src/cli/line-input.ts';
import { main } from '../../src/cli/main.ts';
import type { Env } from '../../src/env/env.ts';
import { nodeEnv } from '../../src/env/node.ts';

export interface FakeIoOptions {
  /** @default The real world. */
  readonly env?: Partial<Env>;
  /** The width of the terminal on standard error. @default It is on none. */
  readonly columns?: number;
  /** What is typed, line by line. @default Nothing. */
  readonly lines?: readonly string[];
  /** Called after each line on either stream, and each line shown. */
  readonly onLine?: (line: string, io: FakeIo) => void;
}

export class FakeIo implements CommandIo {
  readonly env: Env;
  readonly columns: number | undefined;
  readonly stdout: string[] = [];
  readonly stderr: string[] = [];
  /** What was on the terminal, one drawing after the other. */
  readonly drawings: (readonly string[])[] = [];
  /** Who wants to hear of an interrupt, and of the end of the process. */
  readonly handlers = new Set<(cause: InterruptCause) => void>();
  readonly cleaners = new Set<() => void>();
  readonly #lines: readonly string[];
  readonly #onLine: (line: string, io: FakeIo) => void;

  constructor({ env = {}, columns, lines = [], onLine = () => {} }: FakeIoOptions = {}) {
    this.env = { ...nodeEnv(), ...env };
    this.columns = columns;
    this.#lines = lines;
    this.#onLine = onLine;
  }

  out(line: string): void {
    this.stdout.push(line);
    this.#onLine(line, this);
  }

  err(line: string): void {
    this.stderr.push(line);
    this.#onLine(line, this);
  }

  show(lines: readonly string[]): void {
    this.drawings.push(lines);
    for (const line of lines) this.#onLine(line, this);
  }

  onInterrupt(handler: (cause: InterruptCause) => void): () => void {
    this.handlers.add(handler);
    return () => this.handlers.delete(handler);
  }

  onExit(clean: () => void): () => void {
    this.cleaners.add(clean);
    return () => this.cleaners.delete(clean);
  }

  readLines(): LineInput {
    const lines = this.#lines;
    return {
      lines: (async function* () {
        yield* lines;
      })(),
      say: (text) => this.out(text),
      close() {},
    };
  }

  /** Asks the command to end, as Ctrl-C does. */
  interrupt(cause: InterruptCause = 'signal'): void {
    for (const handler of this.handlers) handler(cause);
  }

  /** What is on standard output, line by line, as values. */
  get json(): unknown[] {
    return this.stdout.map((line) => JSON.parse(line));
  }
}

/** What a command has said and how it ended. */
export interface Ended {
  readonly exitCode: ExitCode;
  readonly stdout: string;
  readonly stderr: string;
  readonly io: FakeIo;
}

/** Runs `mirrordisk ARGS...` in this process. */
export async function runMain(
  args: readonly string[],
  process: FakeIo | FakeIoOptions = {},
): Promise<Ended> {
  const io = process instanceof FakeIo ? process : new FakeIo(process);
  const exitCode = await main(args, io);
  return { exitCode, stdout: io.stdout.join('\n'), stderr: io.stderr.join('\n'), io };
}

// Commands are loaded when they are asked for, which is to be no part of any test's time.
await runMain(['--help']);
