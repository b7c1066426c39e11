/**
 * NBD servers of others, each started for one test and ended after it.
 *
 * They go to the background by themselves once they listen, so that nobody has to wait for them.
 */

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { findTool } from './tools.ts';

/** A server that runs. */
export interface RunningServer {
  /** The Unix socket at which it listens. */
  readonly path: string;
  readonly pid: number;
  /** Ends it at once, as a crash would. */
  kill(): Promise<void>;
}

/** @returns Why a server cannot be started, for the suites that skip by a reason. */
export function whyNot(...names: readonly string[]): string | undefined {
  const missing = names.filter((name) => !findTool(name));
  return missing.length > 0 ? `not installed: ${missing.join(', ')}` : undefined;
}

/** Starts nbdkit with filters, a plugin and their options. @param name Of the socket. */
export function startNbdkit(
  folder: string,
  args: readonly string[],
  name = 'socket',
): Promise<RunningServer> {
  return start('nbdkit', folder, name, (path, pidFile) => ['-U', path, '-P', pidFile, ...args]);
}

/** Starts qemu-nbd on a raw image, for any number of clients, one after the other or together. */
export function startQemuNbd(
  folder: string,
  args: readonly string[],
  name = 'socket',
): Promise<RunningServer> {
  const usual = ['--fork', '--persistent', '--shared=0'];
  return start('qemu-nbd', folder, name, (path, pidFile) => [
    ...usual,
    `--pid-file=${pidFile}`,
    `--socket=${path}`,
    ...args,
  ]);
}

/** Starts qemu-storage-daemon with one export, "disk", of a node of that name. */
export function startStorageDaemon(
  folder: string,
  args: readonly string[],
  name = 'socket',
): Promise<RunningServer> {
  return start('qemu-storage-daemon', folder, name, (path, pidFile) => [
    '--daemonize',
    `--pidfile=${pidFile}`,
    ...args,
    `--nbd-server=addr.type=unix,addr.path=${path}`,
    '--export=type=nbd,id=export,node-name=disk,name=disk,writable=on',
  ]);
}

async function start(
  tool: string,
  folder: string,
  name: string,
  argsOf: (path: string, pidFile: string) => readonly string[],
): Promise<RunningServer> {
  const run = findTool(tool);
  if (!run) throw new Error(`Cannot start ${tool}: it is not installed`);
  const path = join(folder, name);
  const pidFile = join(folder, `${name}.pid`);
  await run(argsOf(path, pidFile));
  const pid = await readPid(pidFile);
  const kill = () => end(pid);
  onTestFinished(kill);
  return { path, pid, kill };
}

/** nbdkit listens before it is in the background, and writes the file only then. */
async function readPid(pidFile: string): Promise<number> {
  for (;;) {
    const text = existsSync(pidFile) ? await readFile(pidFile, 'utf8') : '';
    if (text.endsWith('\n')) return Number(text);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Kills a process, if it is still there, and waits until it is gone. */
async function end(pid: number): Promise<void> {
  try {
    for (let signal: 'SIGKILL' | 0 = 'SIGKILL'; ; signal = 0) {
      process.kill(pid, signal);
      if (await isZombie(pid)) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Whether a process is over, though nobody has asked how it ended. */
async function isZombie(pid: number): Promise<boolean> {
  if (process.platform !== 'linux') return false;
  try {
    const fields = await readFile(`/proc/${pid}/stat`, 'utf8');
    return fields.slice(fields.lastIndexOf(')')).startsWith(') Z');
  } catch {
    return true; // It is gone altogether.
  }
}
