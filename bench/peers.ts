/**
 * What other programs need for the same copy, measured here and now.
 *
 * A figure counts only beside the figure of a peer from the same minutes on the same machine, so
 * these are called in turn with our own mirror. Source and target are raw files. A target that
 * exists is overwritten where it lies, except by `cp`, which truncates it first; who wants every
 * program to allocate its pages anew removes the target before each call.
 */

import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const DAEMON = 'qemu-storage-daemon';
const TIME_LIMIT_MS = 10 * 60 * 1000;

/** Arguments of `blockdev-mirror`, and whether flushes reach the files. */
export interface QemuMirrorOptions {
  /** @default true */
  readonly flush?: boolean;
  readonly [argument: string]: unknown;
}

/** One line of QMP from the server: a greeting, a reply or an event. */
interface Message {
  readonly QMP?: unknown;
  readonly return?: unknown;
  readonly error?: { readonly desc: string };
  readonly event?: string;
  readonly data?: { readonly error?: string };
}

/**
 * Mirrors a raw file with QEMU's own job, as `blockdev-mirror` does it with nothing but defaults
 * (granularity 64 KiB, buffer 16 MiB, thread pool, page cache).
 *
 * The clock runs from the command, with both files open, through `BLOCK_JOB_READY` and the
 * `block-job-cancel` that follows at once, to `BLOCK_JOB_COMPLETED`.
 *
 * @param target A raw file, or QEMU's options of what is below the target.
 * @returns Seconds, or `undefined` where qemu-storage-daemon is not installed.
 */
export async function qemuMirrorSeconds(
  source: string,
  target: string | object,
  { flush = true, ...job }: QemuMirrorOptions = {},
): Promise<number | undefined> {
  if (!(await isInstalled())) return undefined;
  if (typeof target === 'string') await resize(target, (await stat(source)).size);
  const targetFile = typeof target === 'string' ? fileOptions(target, flush) : target;
  const child = spawn(DAEMON, [
    ...['--blockdev', blockdev('source', fileOptions(source, flush), { 'read-only': true })],
    ...['--blockdev', blockdev('target', targetFile, { 'read-only': false })],
    ...['--chardev', 'stdio,id=monitor', '--monitor', 'chardev=monitor'],
  ]);
  const exited = once(child, 'exit');
  const kill = () => child.kill('SIGKILL');
  const timer = setTimeout(kill, TIME_LIMIT_MS);
  process.once('exit', kill);
  try {
    return await mirrorSeconds(child, job);
  } finally {
    kill();
    await exited;
    process.off('exit', kill);
    clearTimeout(timer);
  }
}

/** @returns Seconds that `cp` needs, from its start to its end. */
export async function copySeconds(source: string, target: string): Promise<number> {
  const start = performance.now();
  await promisify(execFile)('cp', ['--reflink=never', source, target], { timeout: TIME_LIMIT_MS });
  return (performance.now() - start) / 1000;
}

async function isInstalled(): Promise<boolean> {
  try {
    await promisify(execFile)(DAEMON, ['--version']);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}

async function resize(path: string, size: number): Promise<void> {
  const file = await open(path, 'a');
  try {
    await file.truncate(size);
  } finally {
    await file.close();
  }
}

function fileOptions(filename: string, flush: boolean): object {
  return { driver: 'file', filename, cache: { 'no-flush': !flush } };
}

function blockdev(name: string, file: object, options: { readonly 'read-only': boolean }): string {
  return JSON.stringify({ driver: 'raw', 'node-name': name, ...options, file });
}

async function mirrorSeconds(
  child: ChildProcessWithoutNullStreams,
  job: Readonly<Record<string, unknown>>,
): Promise<number> {
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
  });
  child.stdin.on('error', () => {}); // Broken when the daemon ends; the lines below tell why.
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();

  const send = (execute: string, args: Readonly<Record<string, unknown>> = {}) =>
    child.stdin.write(`${JSON.stringify({ execute, arguments: args })}\n`);
  const until = async (wanted: (message: Message) => boolean): Promise<void> => {
    for (;;) {
      const line = await lines.next();
      if (line.done) throw new Error(`Cannot mirror: ${DAEMON} ended: ${complaints.trim()}`);
      const message = JSON.parse(line.value) as Message; // The peer's word is good enough here.
      const failure = message.error?.desc ?? message.data?.error;
      if (failure !== undefined) throw new Error(`Cannot mirror: ${DAEMON} says: ${failure}`);
      if (wanted(message)) return;
    }
  };

  await until((message) => message.QMP !== undefined);
  send('qmp_capabilities');
  await until((message) => message.return !== undefined);
  const start = performance.now();
  send('blockdev-mirror', {
    ...{ 'job-id': 'mirror', device: 'source', target: 'target', sync: 'full' },
    ...job,
  });
  await until((message) => message.event === 'BLOCK_JOB_READY');
  send('block-job-cancel', { device: 'mirror' });
  await until((message) => message.event === 'BLOCK_JOB_COMPLETED');
  return (performance.now() - start) / 1000;
}
