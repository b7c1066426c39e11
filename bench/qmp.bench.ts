/**
 * Commands a second over the sockets of a monitor, beside qemu-storage-daemon.
 *
 * Each client has a monitor of its own, asks `query-block-jobs` and, once it has the answer, asks
 * again; a mirror in phase 2 is what the answer tells of. The clients are the same for both, and
 * do as little as they can: an answer is a line.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { comparePairs, formatSpread } from './pairs.ts';

const ROUNDS = 7;
/** How long each daemon is asked in a round, in milliseconds. */
const ROUND_MS = 1500;
const CLIENTS = [1, 8];
const START_MS = 20_000;

/** The program as `npm run build` has left it; benchmarks are run from the top. */
const OURS = [process.execPath, resolve('dist/cli/bin.js'), 'daemon'];
const THEIRS = ['qemu-storage-daemon'];

export const bench = {
  name: 'qmp',
  summary: 'Commands a second over QMP, beside qemu-storage-daemon',

  async run(report: (line: string) => void): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'mirrordisk-bench-'));
    const [ours, theirs] = [
      await startDaemon(OURS, join(folder, 'ours')),
      await startDaemon(THEIRS, join(folder, 'theirs')),
    ];
    try {
      for (const clients of CLIENTS) {
        const result = await comparePairs({
          rounds: ROUNDS,
          ours: () => commandsPerSecond(ours, clients),
          theirs: () => commandsPerSecond(theirs, clients),
        });
        const [mine, peer] = [formatSpread(result.ours), formatSpread(result.theirs)];
        const times = formatSpread(result.ratio, 2);
        report(`${clients} clients: ours ${mine}, QEMU ${peer} commands/s: ${times} times`);
      }
    } finally {
      await Promise.all([ours.stop(), theirs.stop()]);
      await rm(folder, { recursive: true, force: true });
    }
  },
};

interface Daemon {
  /** The monitors, one for each client. */
  readonly sockets: readonly string[];
  stop(): Promise<void>;
}

async function startDaemon([program = '', ...first]: string[], name: string): Promise<Daemon> {
  const sockets = Array.from({ length: Math.max(...CLIENTS) }, (_, at) => `${name}-${at}.sock`);
  const monitors = sockets.flatMap((path, at) => [
    ...['--chardev', `socket,id=m${at},path=${path},server=on,wait=off`],
    ...['--monitor', `m${at}`],
  ]);
  const disks = ['disk', 'copy'].flatMap((node) => [
    ...['--blockdev', `driver=null-co,read-zeroes=on,size=67108864,node-name=${node}`],
  ]);
  const child = spawn(program, [...first, ...disks, ...monitors], { stdio: 'inherit' });
  const exited = once(child, 'exit');
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  await Promise.all(sockets.map(exists));
  const [socket = ''] = sockets;
  await ask(socket, {
    execute: 'blockdev-mirror',
    arguments: { 'job-id': 'mirror', device: 'disk', target: 'copy', sync: 'full' },
  });
  await delay(200); // Phase 2 begins.
  return {
    sockets,
    async stop() {
      child.kill('SIGTERM');
      await exited;
      process.off('exit', kill);
    },
  };
}

async function exists(path: string): Promise<void> {
  for (let waited = 0; waited < START_MS; waited += 20) {
    if (await stat(path).catch(() => undefined)) return;
    await delay(20);
  }
  throw new Error(`Cannot start the daemon: there is no ${path}`);
}

/** Executes one command. */
async function ask(path: string, command: object): Promise<void> {
  const client = new Client(path);
  await client.greeted;
  const answer = await client.ask(`${JSON.stringify(command)}\n`);
  if (!answer.includes('"return"')) throw new Error(`The daemon refused: ${answer}`);
  client.close();
}

async function commandsPerSecond({ sockets }: Daemon, count: number): Promise<number> {
  const clients = sockets.slice(0, count).map((path) => new Client(path));
  for (const client of clients) await client.greeted;
  const startMs = performance.now();
  const counts = await Promise.all(
    clients.map(async (client) => {
      let commands = 0;
      while (performance.now() - startMs < ROUND_MS) {
        await client.ask('{"execute": "query-block-jobs"}\n');
        commands += 1;
      }
      return commands;
    }),
  );
  const seconds = (performance.now() - startMs) / 1000;
  for (const client of clients) client.close();
  return counts.reduce((sum, commands) => sum + commands, 0) / seconds;
}

/** Sends a line, and waits for one that is no event. */
class Client {
  readonly greeted: Promise<void>;
  readonly #socket: Socket;
  #text = '';
  #answered: (line: string) => void = () => {};

  constructor(path: string) {
    this.#socket = connect(path).setEncoding('latin1');
    this.#socket.on('data', (text: string) => {
      this.#text += text;
      if (!text.endsWith('\n')) return;
      const lines = this.#text.split('\r\n');
      this.#text = '';
      for (const line of lines) if (!/^$|"event"/.test(line)) this.#answered(line);
    });
    this.greeted = this.#next()
      .then(() => this.ask('{"execute": "qmp_capabilities"}\n'))
      .then(() => {});
  }

  ask(line: string): Promise<string> {
    this.#socket.write(line);
    return this.#next();
  }

  close(): void {
    this.#socket.destroy();
  }

  #next(): Promise<string> {
    return new Promise((answered) => {
      this.#answered = answered;
    });
  }
}
