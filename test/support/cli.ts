/**
 * Our own command line as a user has it: a process with arguments, streams, signals and an exit
 * code.
 *
 * It runs what `npm run build` has put into `dist/`, which `npm test` does first; a test started in
 * another way sees the last build. Call these inside a test: no process outlives the test that
 * started it, its time limit, or this process, however it ends.
 */

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const PROGRAM = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url));
const TIMEOUT_MS = 60_000;
/** Characters of one stream. */
const OUTPUT_MAX = 64 * 1024 * 1024;

/** Loaded into the child: it ends itself when its parent was killed and could not end it. */
const WATCHDOG = `data:text/javascript,const parent = process.ppid;
setInterval(() => process.ppid === parent || process.kill(process.pid, 'SIGKILL'), 500).unref();`;

export interface CliOptions {
  /** What it reads from standard input. @default nothing */
  readonly stdin?: string | Uint8Array;
  /** The folder it runs in. @default the current one */
  readonly cwd?: string;
  /** Variables on top of those of this process. @default none */
  readonly env?: Readonly<Record<string, string>>;
  /** When it is killed and `ended` rejects. @default 60 seconds */
  readonly timeoutMs?: number;
}

/** How it ended: by an exit code, or by a signal. */
export interface CliResult {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningCli {
  /** How it ended. Rejects when it took too long or printed too much. */
  readonly ended: Promise<CliResult>;
  signal(name: NodeJS.Signals): void;
  /**
   * Waits until what it has printed so far, on both streams, matches the pattern.
   *
   * @throws {Error} When it ends without that.
   */
  printed(pattern: RegExp): Promise<void>;
}

/** Runs `mirrordisk ARGS...` to its end. An exit code other than 0 is a result, and no error. */
export function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return startCli(args, options).ended;
}

/** Starts `mirrordisk ARGS...`, for a test that meets it while it runs. */
export function startCli(args: readonly string[], options: CliOptions = {}): RunningCli {
  const { stdin = '', cwd = process.cwd(), env = {}, timeoutMs = TIMEOUT_MS } = options;
  const child = spawn(process.execPath, ['--import', WATCHDOG, PROGRAM, ...args], {
    cwd,
    env: { ...process.env, ...env },
  });
  const command = `mirrordisk ${args.join(' ')}`;
  const output = collect(child);
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);

  const ended = new Promise<CliResult>((resolve, reject) => {
    const timer = setTimeout(kill, timeoutMs);
    const start = performance.now();
    child.once('error', reject);
    child.once('close', (exitCode, signal) => {
      clearTimeout(timer);
      process.off('exit', kill);
      const late = signal === 'SIGKILL' && performance.now() - start >= timeoutMs;
      const limit = late ? `${timeoutMs} ms` : output.isTooLong() && `${OUTPUT_MAX} characters`;
      if (!limit) resolve({ exitCode, signal, stdout: output.stdout(), stderr: output.stderr() });
      else reject(new Error(`Cannot run "${command}": it goes past ${limit}\n${output.both()}`));
    });
  });
  ended.catch(() => {}); // Who waits for it is told; a test that has failed before does not wait.
  onTestFinished(async () => {
    kill();
    await ended.catch(() => {});
  });
  child.stdin.on('error', () => {}); // It may end without reading everything.
  child.stdin.end(stdin);
  return {
    ended,
    signal: (name) => void child.kill(name),
    async printed(pattern) {
      while (!pattern.test(output.both())) {
        if (await output.nextOrEnd()) continue;
        const rule = `it must print ${pattern} before it ends`;
        throw new Error(`Cannot wait for "${command}": ${rule}\n${output.both()}`);
      }
    },
  };
}

/** Keeps what the child prints, and kills it when that is too much. */
function collect(child: ChildProcessWithoutNullStreams) {
  const texts = { stdout: '', stderr: '' };
  let isTooLong = false;
  let hasEnded = false;
  const waiting: (() => void)[] = [];
  const wake = () => {
    for (const resolve of waiting.splice(0)) resolve();
  };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text;
      isTooLong ||= texts[name].length > OUTPUT_MAX;
      if (isTooLong) child.kill('SIGKILL');
      wake();
    });
  }
  child.once('close', () => {
    hasEnded = true;
    wake();
  });
  return {
    stdout: () => texts.stdout,
    stderr: () => texts.stderr,
    both: () => texts.stdout + texts.stderr,
    isTooLong: () => isTooLong,
    /** Waits for more output. @returns Whether there is any. */
    async nextOrEnd(): Promise<boolean> {
      if (hasEnded) return false;
      const before = texts.stdout.length + texts.stderr.length;
      await new Promise<void>((resolve) => waiting.push(resolve));
      return texts.stdout.length + texts.stderr.length > before;
    },
  };
}
