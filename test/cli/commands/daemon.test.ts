import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { nodeEnv } from '../../../src/env/node.ts';
import { QmpClient } from '../../../src/monitor/client.ts';
import { FakeIo, runMain } from '../../support/fake-io.ts';
import { SocketRecorder } from '../../support/socket-recorder.ts';
import { makeFile, withFolder } from '../../support/temporary.ts';

const PROGRAM = fileURLToPath(new URL('../../../dist/cli/bin.js', import.meta.url));

const MONITOR = ['--chardev', 'null,id=m', '--monitor', 'm'];

/** @returns The options of a monitor at `path`. */
function monitorAt(path: string): readonly string[] {
  return ['--chardev', `socket,id=qmp,path=${path},server=on,wait=off`, '--monitor', 'qmp'];
}

/** Starts a daemon in this process; it must be ended. */
function startDaemon(args: readonly string[]) {
  const io = new FakeIo();
  return { io, ended: runMain(['daemon', ...args], io) };
}

/** Connects as soon as somebody listens. */
async function connectTo(path: string): Promise<QmpClient> {
  await expect.poll(() => existsSync(path)).toBe(true);
  return QmpClient.connect(nodeEnv(), { type: 'unix', path });
}

describe('mirrordisk daemon', () => {
  it('does what its options say, in their order, until a client has it quit', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'qmp.sock');
      const nbd = join(folder, 'nbd.sock');
      const disk = ['--blockdev', 'null-co,node-name=d,size=1048576'];
      const server = ['--nbd-server', `addr.type=unix,addr.path=${nbd}`];
      const exported = ['--export', 'nbd,id=e,node-name=d,writable=on'];
      const { io, ended } = startDaemon([...disk, ...server, ...exported, ...monitorAt(path)]);
      const client = await connectTo(path);
      expect(await client.execute('query-block-exports')).toMatchObject([{ id: 'e' }]);
      expect((await stat(path)).mode & 0o777).toBe(0o600);
      expect(await client.execute('quit')).toEqual({});
      expect((await ended).exitCode).toBe(0);
      expect([existsSync(path), existsSync(nbd), io.stderr]).toEqual([false, false, []]);
    });
  });

  it('describes the commands and events of QMP', async () => {
    const { exitCode, stdout } = await runMain(['daemon', '--help-qmp', ...MONITOR], new FakeIo());
    expect(exitCode).toBe(0);
    expect(stdout).toContain('blockdev-mirror');
    expect(stdout).toContain('BLOCK_JOB_READY');
  });

  it('tells its clients of all that ends before it answers their quit', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'qmp.sock');
      const disks = ['--blockdev', 'null-co,node-name=a', '--blockdev', 'null-co,node-name=b'];
      const { ended } = startDaemon([...disks, ...monitorAt(path)]);
      await expect.poll(() => existsSync(path)).toBe(true);
      const connection = await nodeEnv().sockets.connect({ type: 'unix', path });
      const recorder = new SocketRecorder(connection);
      const mirror = { 'job-id': 'j', device: 'a', target: 'b', sync: 'none' };
      const commands = [
        { execute: 'qmp_capabilities' },
        { execute: 'blockdev-mirror', arguments: mirror },
        { execute: 'quit', id: 'last' },
      ];
      for (const command of commands) {
        connection.write(new TextEncoder().encode(JSON.stringify(command)));
      }
      await recorder.happened('ended');
      connection.end();
      await ended;
      const lines = recorder.bytes.toString().split('\r\n');
      const answer = lines.indexOf('{"return": {}, "id": "last"}');
      const cancelled = lines.findIndex((line) => line.includes('BLOCK_JOB_CANCELLED'));
      expect([cancelled > 0, answer > cancelled, answer]).toEqual([true, true, lines.length - 2]);
    });
  });

  it('ends in order when it is asked to by a signal', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'qmp.sock');
      const { io, ended } = startDaemon(monitorAt(path));
      const client = await connectTo(path);
      io.interrupt();
      expect((await ended).exitCode).toBe(0);
      await expect(client.execute('query-version')).rejects.toMatchObject({ name: 'BlockError' });
      expect(existsSync(path)).toBe(false);
    });
  });

  it('can be ended while it waits for its first client', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'qmp.sock');
      const { io, ended } = startDaemon(['--chardev', `socket,id=m,path=${path},server=on`]);
      await expect.poll(() => io.stderr).toHaveLength(1);
      io.interrupt();
      expect((await ended).exitCode).toBe(0);
      expect(existsSync(path)).toBe(false);
    });
  });

  it('lets the next client in when one has gone', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'qmp.sock');
      const { io, ended } = startDaemon(monitorAt(path));
      for (let count = 0; count < 3; count += 1) {
        const client = await connectTo(path);
        expect(await client.execute('query-chardev')).toHaveLength(1);
        client.close();
      }
      io.interrupt();
      await ended;
    });
  });

  it('has a file with its number, which no other daemon takes', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'pid');
      const { io, ended } = startDaemon(['--pidfile', path]);
      const number = `${process.pid}\n`;
      await expect.poll(() => readFile(path, 'utf8').catch(() => '')).toBe(number);
      expect((await stat(path)).mode & 0o777).toBe(0o600);
      const { exitCode, stderr } = await runMain(['daemon', '--pidfile', path]);
      const reason =
        'cannot create PID file: Cannot lock pid file: Resource temporarily unavailable';
      expect([exitCode, stderr]).toEqual([1, `mirrordisk daemon: ${reason}`]);
      io.interrupt();
      await ended;
      for (const clean of io.cleaners) clean();
      expect(existsSync(path)).toBe(false);
    });
  });

  it.each([
    [['x'], 'x: Unexpected argument'],
    [['--bogus'], "unrecognized option '--bogus'"],
    [['--monitor', 'nope'], '--monitor nope: chardev "nope" not found'],
    [[...MONITOR, '--monitor', 'm'], "--monitor m: Device 'm' is in use"],
    [['--monitor', 'x=1'], "--monitor x=1: Parameter 'chardev' is missing"],
    [
      ['--blockdev', '{"driver": "nope"}'],
      '--blockdev {"driver": "nope"}: Parameter \'driver\' does not accept value \'nope\'',
    ],
    [['--export', 'nbd,id=e,node-name=d'], "Cannot find device='' nor node-name='d'"],
    [['--nbd-server', 'addr.type=fd,addr.str=99'], "File descriptor '99' is not a socket"],
    [['--object', 'iothread'], "--object iothread: Parameter 'id' is missing"],
    [
      ['--object', 'iothread,id=1'],
      "Parameter 'id' expects an identifier\nIdentifiers consist of letters, digits, '-', '.', '_'",
    ],
    [['--pidfile', '/nowhere/pid'], "Could not create '/nowhere/pid': No such file or directory"],
  ])('refuses %j as QEMU does, and does not run', async (args, reason) => {
    const { exitCode, stderr } = await runMain(['daemon', ...args]);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining(`mirrordisk daemon: `)]);
    expect(stderr).toContain(reason);
  });

  it('asks who has the image that it cannot lock, as QEMU does', async () => {
    await withFolder(async (folder) => {
      const image = await makeFile(folder, 'disk.img', 512);
      const twice = ['a', 'b'].map((name) => `--blockdev=file,node-name=${name},filename=${image}`);
      const { stderr } = await runMain(['daemon', ...twice]);
      expect(stderr).toContain(`Failed to get "write" lock\nIs another process using the image [`);
    });
  });

  it.each([
    [['--chardev', 'help'], 0, 'Available chardev backend types:'],
    [['--chardev', 'socket,help'], 1, '  server=<bool (on/off)>'],
    [['--drive', 'if=none,format=help'], 0, ' nbd null-aio '],
    [['--device', 'help'], 0, 'name "virtio-blk-pci"'],
    [['--object', 'help'], 0, '  throttle-group'],
    [['--object', 'secret,help'], 0, '  format=<QCryptoSecretFormat>'],
    [['--blockdev', 'nonsense', '-V'], 0, 'mirrordisk daemon 0.'],
  ])('gives help: %j', async (args, code, line) => {
    const { exitCode, stdout } = await runMain(['daemon', ...args]);
    expect([exitCode, stdout]).toEqual([code, expect.stringContaining(line)]);
  });

  it('explains itself within 80 columns', async () => {
    const { exitCode, stdout } = await runMain(['daemon', '--help']);
    expect(exitCode).toBe(0);
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });
});

/** Starts the built program, for what only a process has; it is killed after the test. */
function spawnDaemon(
  args: readonly string[],
  stdio: readonly ('pipe' | 'ignore' | number)[],
): ChildProcess {
  const child = spawn(process.execPath, [PROGRAM, 'daemon', ...args], { stdio: [...stdio] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

describe('mirrordisk daemon as a process', () => {
  it('speaks through a socket that it was started with', async () => {
    const args = ['--chardev', 'socket,id=m,fd=3', '--monitor', 'm'];
    const child = spawnDaemon(args, ['ignore', 'ignore', 'ignore', 'pipe']);
    const socket = child.stdio[3] as Socket; // Node makes a pair of sockets for such a pipe.
    const [greeting] = await once(socket, 'data');
    expect(String(greeting)).toContain('{"QMP": ');
    socket.write('{"execute": "qmp_capabilities"}{"execute": "quit"}');
    socket.resume();
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('listens at a socket that it was started with', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    // Node has no other name for it.
    const { fd } = Reflect.get(server, '_handle') as { readonly fd: number };
    const args = ['--chardev', 'socket,id=m,fd=3,server=on,wait=off', '--monitor', 'm'];
    const child = spawnDaemon(args, ['ignore', 'ignore', 'ignore', fd]);
    server.close();
    const address = { type: 'inet', host: '127.0.0.1', port } as const;
    const client = await QmpClient.connect(nodeEnv(), address);
    const filename = expect.stringContaining(`tcp:127.0.0.1:${port},server=on <-> 127.0.0.1:`);
    expect(await client.execute('query-chardev')).toMatchObject([{ label: 'm', filename }]);
    await client.execute('quit');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('speaks through its standard streams, and outlives their end', async () => {
    const child = spawnDaemon(['--chardev', 'stdio,id=m', '--monitor', 'm'], ['pipe', 'pipe']);
    const [greeting] = await once(child.stdout as Socket, 'data');
    expect(String(greeting)).toContain('{"QMP": ');
    child.stdin?.end('{"execute": "qmp_capabilities"}');
    const [answer] = await once(child.stdout as Socket, 'data');
    expect(String(answer)).toBe('{"return": {}}\r\n');
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('goes into the background when all is set up, and lets go of its output', async () => {
    await withFolder(async (folder) => {
      const [path, pidFile] = [join(folder, 'qmp.sock'), join(folder, 'pid')];
      const args = ['daemon', ...monitorAt('qmp.sock'), '--pidfile', 'pid', '--daemonize'];
      const options = { encoding: 'utf8', cwd: folder } as const;
      // It returns when the output has no writer left.
      const output = execFileSync(process.execPath, [PROGRAM, ...args], options);
      expect(output).toBe('');
      const number = Number(await readFile(pidFile, 'utf8'));
      const client = await QmpClient.connect(nodeEnv(), { type: 'unix', path });
      const image = join(folder, 'new.img');
      const created = { driver: 'file', filename: image, size: 512 };
      await client.execute('blockdev-create', { 'job-id': 'job', options: created });
      await expect.poll(() => existsSync(image), { timeout: 5000 }).toBe(true);
      expect((await stat(image)).mode & 0o777).toBe(0o640);
      const relative = { driver: 'file', 'node-name': 'disk', filename: 'new.img' };
      const elsewhere = "Could not open 'new.img': No such file or directory";
      await expect(client.execute('blockdev-add', relative)).rejects.toThrow(elsewhere);
      await client.execute('quit');
      await expect.poll(() => isRunning(number), { timeout: 5000 }).toBe(false);
      expect([existsSync(path), existsSync(pidFile)]).toEqual([false, false]);
    });
  });

  it('does not go into the background when it cannot be set up', async () => {
    const child = spawnDaemon(['--daemonize', '--monitor', 'x'], ['ignore', 'ignore', 'pipe']);
    const [text] = await once(child.stderr as Socket, 'data');
    expect(String(text)).toBe('mirrordisk daemon: --monitor x: chardev "x" not found\n');
    expect(await once(child, 'exit')).toEqual([1, null]);
  });
});

function isRunning(number: number): boolean {
  try {
    return process.kill(number, 0);
  } catch {
    return false;
  }
}
