/**
 * Other people's programs, for tests that must not take our own word: `qemu-img`, `e2fsck`, ...
 *
 *     const { it } = interop('qemu-img', 'e2fsck');
 *     it('reads the copy as the source', async (qemuImg, e2fsck) => {
 *       await qemuImg(['compare', source, target]);
 *     });
 *
 * Where a program is missing, its tests are skipped and a line on standard error says so; under
 * `CI`, where `.ci/run` has installed them all, the tests fail instead.
 */

import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { it as vitestIt } from 'vitest';

/** Where Debian keeps the programs of the administrator, which are not on everybody's path. */
const FOLDERS_MORE = ['/usr/local/sbin', '/usr/sbin', '/sbin'];
const RUN_TIMEOUT_MS = 60_000;
const TEST_TIMEOUT_MS = 120_000;
const OUTPUT_MAX = 64 * 1024 * 1024;

export interface ToolResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** The folder it runs in. @default the current one */
  readonly cwd?: string;
  /** Exit codes that are answers and no failures. @default [0] */
  readonly exitCodes?: readonly number[];
  /** When it is killed. @default 60 seconds */
  readonly timeoutMs?: number;
  /** Variables besides those of this process. @default none */
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs the program to its end, in the C locale and without input. */
export interface Tool {
  /** @throws {Error} With all it printed, when its exit code is none of those allowed. */
  (args: readonly string[], options?: RunOptions): Promise<ToolResult>;
  /** Where it lies, for a test that starts it itself. */
  readonly path: string;
}

type ToolsOf<Names extends readonly string[]> = { [Index in keyof Names]: Tool };

export interface Interop<Names extends readonly string[]> {
  /** A test that gets the programs, in the order they were named. */
  it(title: string, test: (...tools: ToolsOf<Names>) => Promise<void>, timeoutMs?: number): void;
}

/** @param names The programs that every test made from the result needs. */
export function interop<const Names extends readonly string[]>(...names: Names): Interop<Names> {
  const tools = names.map(findTool);
  const missing = names.filter((_, index) => tools[index] === undefined);
  if (missing.length === 0) {
    const found = tools as ToolsOf<Names>; // One for each name, and none is missing.
    return {
      it: (title, test, timeoutMs = TEST_TIMEOUT_MS) =>
        vitestIt(title, { timeout: timeoutMs }, () => test(...found)),
    };
  }
  return skipping(`not installed: ${missing.join(', ')}`);
}

/** Tests that cannot run here: each is skipped aloud, or fails under `CI`. */
export function skipping(reason: string): Interop<[]> {
  if (process.env['CI']) {
    return {
      it: (title) =>
        vitestIt(title, () => {
          throw new Error(`Cannot skip under CI: ${reason}`);
        }),
    };
  }
  return {
    it: (title) => {
      process.stderr.write(`Skipped "${title}": ${reason}\n`);
      vitestIt(title, (context) => context.skip(reason));
    },
  };
}

/** @returns The program, or `undefined` where it is not installed. */
export function findTool(name: string): Tool | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...FOLDERS_MORE];
  const path = folders.map((folder) => join(folder, name)).find(isExecutable);
  if (path === undefined) return undefined;
  const run = (args: readonly string[], options: RunOptions = {}) => runTool(path, args, options);
  return Object.assign(run, { path });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // Whatever the reason is, it cannot be run.
  }
}

function runTool(path: string, args: readonly string[], options: RunOptions): Promise<ToolResult> {
  const { cwd = process.cwd(), exitCodes = [0], timeoutMs = RUN_TIMEOUT_MS } = options;
  const settings = {
    cwd,
    env: { ...process.env, LC_ALL: 'C', ...options.env },
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    maxBuffer: OUTPUT_MAX,
  } as const;
  return new Promise((resolve, reject) => {
    const child = execFile(path, args, settings, (error, stdout, stderr) => {
      const exitCode = child.exitCode;
      if (exitCode !== null && exitCodes.includes(exitCode)) {
        resolve({ exitCode, stdout, stderr });
        return;
      }
      const started = exitCode === null || exitCode >= 0;
      const end = started ? (child.signalCode ?? exitCode) : error?.message;
      const rule = `must end with ${exitCodes.join(' or ')}: ${end}`;
      const command = [path, ...args].join(' ');
      reject(new Error(`Cannot run "${command}": it ${rule}\n${stdout}${stderr}`));
    });
    child.stdin?.end();
  });
}
