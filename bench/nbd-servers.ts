/**
 * NBD servers as processes of their own, with the time that each takes of a processor.
 *
 * All of them listen at a Unix socket in the folder given, with what they take by default, and run
 * where the system lets them. Kept on one processor, with the client on another, a server spends
 * most of a single request on waking the client up: on a virtual machine 35 microseconds instead of
 * the 7 that nbdkit takes otherwise, and 40 instead of 8 for ours.
 */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

/** How long a server may take until its socket is there. */
const START_MS = 10_000;
/** /proc tells processor time in hundredths of a second. */
const TICK_MICROSECONDS = 10_000;

/** The program as `npm run build` has left it; benchmarks are run from the top. */
const OURS = resolve('dist/cli/bin.js');

/** A server that runs. */
export interface NbdServerProcess {
  readonly name: string;
  readonly socket: string;
  readonly uri: string;
  /** Microseconds of processor time so far, in all threads. */
  processorTime(): Promise<number>;
  /** Bytes of memory at most so far. */
  peakMemory(): Promise<number>;
  stop(): Promise<void>;
}

/** What to serve: a raw image by its path, or memory of so many bytes. */
export type Served = { readonly path: string } | { readonly memory: number };

/** Starts ours. */
export function startOurs(folder: string, served: Served): Promise<NbdServerProcess> {
  const memory = (size: number) => `json:${JSON.stringify({ driver: 'memory', size })}`;
  const image = 'path' in served ? served.path : memory(served.memory);
  return start('mirrordisk', folder, (socket) => [
    process.execPath,
    ...[OURS, 'serve', image, '--socket', socket],
  ]);
}

/** Fills a server's disk with the bytes of a file that is as long. */
export async function fill({ uri }: NbdServerProcess, file: string): Promise<void> {
  await promisify(execFile)('nbdcopy', [file, uri]);
}

/** Starts QEMU's, for an image. */
export function startQemuNbd(folder: string, path: string): Promise<NbdServerProcess> {
  return start('qemu-nbd', folder, (socket) => [
    ...['qemu-nbd', '--persistent', '--shared=32', '--format=raw', '--discard=unmap'],
    ...['--socket', socket, path],
  ]);
}

/** Starts nbdkit with its file plugin, or with that for memory. */
export function startNbdkit(folder: string, served: Served): Promise<NbdServerProcess> {
  const plugin = 'path' in served ? ['file', served.path] : ['memory', String(served.memory)];
  return start(`nbdkit-${plugin[0]}`, folder, (socket) => [
    ...['nbdkit', '--foreground', '--unix', socket, ...plugin],
  ]);
}

async function start(
  name: string,
  folder: string,
  command: (socket: string) => readonly string[],
): Promise<NbdServerProcess> {
  const socket = join(folder, `${name}.sock`);
  const [program = '', ...args] = command(socket);
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const exited = once(child, 'exit');
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  await untilThere(socket, child);
  return {
    name,
    socket,
    uri: `nbd+unix:///?socket=${socket}`,
    processorTime: () => processorTime(child),
    peakMemory: () => peakMemory(child),
    async stop() {
      child.kill('SIGTERM');
      await exited;
      process.off('exit', kill);
      await rm(socket, { force: true });
    },
  };
}

async function untilThere(socket: string, child: ChildProcess): Promise<void> {
  const endMs = performance.now() + START_MS;
  while (performance.now() < endMs && child.exitCode === null) {
    const isThere = await access(socket).then(
      () => true,
      () => false,
    );
    if (isThere) return;
    await delay(10);
  }
  child.kill('SIGKILL');
  throw new Error(`Cannot start ${child.spawnfile}: its socket ${socket} does not come`);
}

/** See proc_pid_stat(5): the name, in brackets, may hold anything; `utime` and `stime` follow. */
async function processorTime({ pid }: ChildProcess): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MICROSECONDS;
}

async function peakMemory({ pid }: ChildProcess): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(text)?.[1]) * 1024;
}
