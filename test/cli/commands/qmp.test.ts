import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it as plainIt } from 'vitest';
import { nodeEnv } from '../../../src/env/node.ts';
import { QmpClient } from '../../../src/monitor/client.ts';
import { runMain } from '../../support/fake-io.ts';
import { makeFile, withFolder } from '../../support/temporary.ts';
import { interop, type Tool } from '../../support/tools.ts';

const { it } = interop('qemu-storage-daemon');

/** Runs QEMU's daemon meanwhile, with a monitor and the images `a` and `b`. */
async function withDaemon(daemon: Tool, body: (socket: string, folder: string) => Promise<void>) {
  await withFolder(async (folder) => {
    const [socket, pidfile] = [join(folder, 'qmp.sock'), join(folder, 'pid')];
    for (const name of ['a', 'b']) await makeFile(folder, name, 1024 * 1024);
    const chardev = `socket,id=monitor,path=${socket},server=on,wait=off`;
    const child = spawn(daemon.path, [
      ...['--chardev', chardev, '--monitor', 'monitor'],
      ...['--pidfile', pidfile],
    ]);
    const ended = once(child, 'exit');
    try {
      await listening(socket);
      await body(socket, folder);
    } finally {
      child.kill('SIGKILL');
      await ended;
    }
  });
}

/** Waits until the monitor answers. */
async function listening(path: string): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      (await QmpClient.connect(nodeEnv(), { type: 'unix', path })).close();
      return;
    } catch (error) {
      if (tries === 500) throw error;
      await nodeEnv().clock.turn();
    }
  }
}

function disk(folder: string, name: string): readonly string[] {
  return [
    'blockdev-add',
    `node-name=${name}`,
    'driver=raw',
    'file.driver=file',
    `file.filename=${join(folder, name)}`,
  ];
}

describe('mirrordisk qmp', () => {
  it('drives a mirror of qemu-storage-daemon, command by command', (daemon) =>
    withDaemon(daemon, async (socket, folder) => {
      const qmp = (...words: readonly string[]) => runMain(['qmp', socket, '--json', ...words]);
      expect((await qmp(...disk(folder, 'a'))).stdout).toBe('{}');
      expect((await qmp(...disk(folder, 'b'))).stdout).toBe('{}');
      const start = ['blockdev-mirror', 'job-id=j', 'device=a', 'target=b', 'sync=full'];
      const { io, exitCode } = await qmp(...start, 'speed=1G', '--wait', 'BLOCK_JOB_READY');
      expect(exitCode).toBe(0);
      expect(io.json.at(-1)).toMatchObject({ data: { device: 'j', speed: 2 ** 30 } });
      const jobs = await qmp('query-block-jobs');
      expect(jobs.io.json).toMatchObject([[{ device: 'j', ready: true }]]);
      const end = await qmp('{"execute": "job-complete",', '"arguments": {"id": "j"}}');
      expect(end.stdout).toBe('{}');
    }));

  it('ends with 1 when the server refuses, and says its class and words', (daemon) =>
    withDaemon(daemon, async (socket) => {
      const { exitCode, stderr } = await runMain(['qmp', socket, 'job-pause', 'id=j']);
      expect([exitCode, stderr]).toEqual([1, 'GenericError: Job not found']);
    }));

  it('reads commands from its input, and goes on after one that is wrong', (daemon) =>
    withDaemon(daemon, async (socket, folder) => {
      const lines = [
        disk(folder, 'a').join(' '),
        '',
        "job-pause 'id=j",
        'job-pause id=j',
        '{"execute": "query-jobs"}',
        'exit',
        'quit',
      ];
      const { exitCode, io } = await runMain(['qmp', '--json', socket], { lines });
      expect(io.stdout).toEqual(['{}', '[]']);
      expect(io.stderr).toEqual([
        "Cannot read the command: a quote does not end: job-pause 'id=j",
        'GenericError: Job not found',
      ]);
      expect(exitCode).toBe(1);
      expect((await runMain(['qmp', socket, 'query-jobs'])).exitCode).toBe(0);
    }));

  it('prints on many lines, as QEMU does, unless told otherwise', (daemon) =>
    withDaemon(daemon, async (socket) => {
      const { stdout } = await runMain(['qmp', `unix:${socket}`, 'query-version']);
      expect(stdout).toMatch(/^\{\n {4}"qemu": \{\n {8}"minor": \d+,/);
    }));

  plainIt('says who cannot be asked, and ends with 2', () =>
    withFolder(async (folder) => {
      const socket = join(folder, 'none');
      const { exitCode, stderr } = await runMain(['qmp', socket, 'query-jobs']);
      const reason = 'No such file or directory';
      expect([exitCode, stderr]).toEqual([
        2,
        `mirrordisk qmp: Cannot connect to "${socket}": ${reason}`,
      ]);
    }),
  );

  plainIt('connects over TCP as well, and knows who is no QMP server', async () => {
    const server = createServer((socket) => socket.end('220 mail.example ESMTP\r\n'));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const { exitCode, stderr } = await runMain(['qmp', `127.0.0.1:${port}`, 'query-jobs']);
    server.close();
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('it is no QMP server')]);
  });

  plainIt.each([
    [[], 'It takes the socket of a monitor, and was given nothing'],
    [['s', '--wait', 'STOP'], '--wait needs a command to wait after'],
  ])('refuses the arguments %j', async (args, reason) => {
    const { exitCode, stderr } = await runMain(['qmp', ...args]);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(reason)]);
  });
});
