import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, it, vi } from 'vitest';
import { nodeSockets } from '../../src/env/node-sockets.ts';
import {
  type Connection,
  describeAddress,
  LINGER_MS,
  type SocketAddress,
} from '../../src/env/sockets.ts';
import { type SocketsRig, socketsContract } from '../contract/sockets-contract.ts';
import { settle } from '../support/settle.ts';
import { SocketRecorder } from '../support/socket-recorder.ts';
import { withFolder } from '../support/temporary.ts';

const KEYS = { type: 'psk', keys: 'qemu:0123456789abcdef0123456789abcdef\n' } as const;

const underTls: SocketsRig['prepare'] = async ({ client, server }) => {
  const [first, second] = await Promise.all([
    client.startTls({ side: 'client', ...KEYS }),
    server.startTls({ side: 'server', ...KEYS }),
  ]);
  return { client: first, server: second };
};

function rigOf(address: SocketAddress, prepare?: SocketsRig['prepare']): SocketsRig {
  return {
    sockets: nodeSockets,
    address,
    nobody: address.type === 'unix' ? 'ENOENT' : 'ECONNREFUSED',
    ...(prepare && { prepare }),
    wait: (promise) => promise,
  };
}

/** As a worker can load it. */
const BUILT = new URL('../../dist/env/node-sockets.js', import.meta.url).href;

const LOCAL = { type: 'inet', host: '127.0.0.1', port: 0 } as const;

socketsContract('Unix sockets', (body) =>
  withFolder((folder) => body(rigOf({ type: 'unix', path: join(folder, 'socket') }))),
);
socketsContract('TCP', (body) => body(rigOf(LOCAL)));
socketsContract('TLS over TCP', (body) => body(rigOf(LOCAL, underTls)));
socketsContract('TLS over Unix sockets', (body) =>
  withFolder((folder) => body(rigOf({ type: 'unix', path: join(folder, 'socket') }, underTls))),
);

/** Another process that listens, knowing nothing of our code. @returns It, and its port. */
async function startListener(address: string, then = ''): Promise<[ChildProcess, number]> {
  const program = `
    const server = require('node:net').createServer();
    server.listen(${address}, () => {
      console.log(server.address().port ?? 0);
      ${then}
    });
  `;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  if (!child.stdout) throw new Error('the child has no output');
  const [line] = await once(child.stdout, 'data');
  return [child, Number(line)];
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

describe('a Unix socket', () => {
  const withPath = (body: (path: string, folder: string) => Promise<void>) =>
    withFolder((folder) => body(join(folder, 'socket'), folder));

  it('is for its user alone, and the umask stays as it was', () =>
    withPath(async (path) => {
      const umask = process.umask(0);
      try {
        const listener = await nodeSockets.listen({ type: 'unix', path }, () => {});
        expect((await stat(path)).mode & 0o777).toBe(0o600);
        expect(process.umask()).toBe(0);
        await listener.close();
      } finally {
        process.umask(umask);
      }
    }));

  it('is for its user alone in a worker thread as well, which cannot set the umask', () =>
    withPath(async (path) => {
      const script = `
        import { statSync } from 'node:fs';
        import { parentPort, workerData } from 'node:worker_threads';
        const { program, path } = workerData;
        const { nodeSockets } = await import(program);
        const listener = await nodeSockets.listen({ type: 'unix', path }, () => {});
        parentPort.postMessage(statSync(path).mode & 0o777);
        await listener.close();`;
      const url = new URL(`data:text/javascript,${encodeURIComponent(script)}`);
      const worker = new Worker(url, { workerData: { program: BUILT, path } });
      expect((await once(worker, 'message'))[0]).toBe(0o600);
      await once(worker, 'exit');
    }));

  it('is gone when nobody listens any more', () =>
    withPath(async (path, folder) => {
      const listener = await nodeSockets.listen({ type: 'unix', path }, () => {});
      expect(await readdir(folder)).toEqual(['socket']);
      await listener.close();
      expect(await readdir(folder)).toEqual([]);
    }));

  it('is gone when its process has gone elsewhere meanwhile', () =>
    withPath(async (_, folder) => {
      const before = process.cwd();
      process.chdir(folder);
      try {
        const listener = await nodeSockets.listen({ type: 'unix', path: 'socket' }, () => {});
        expect(await readdir(folder)).toEqual(['socket']);
        process.chdir('/');
        await listener.close();
        expect(await readdir(folder)).toEqual([]);
      } finally {
        process.chdir(before);
      }
    }));

  it('is gone when the process exits', () =>
    withPath(async (path, folder) => {
      const before = process.listeners('exit');
      const listener = await nodeSockets.listen({ type: 'unix', path }, () => {});
      const added = process.listeners('exit').filter((one) => !before.includes(one));
      for (const atExit of added) atExit.call(process, 0);
      expect(await readdir(folder)).toEqual([]);
      await listener.close();
      expect(process.listeners('exit')).toEqual(before);
    }));

  it('takes the place of one whose process was killed, and not before', () =>
    withPath(async (path) => {
      const [holder] = await startListener(JSON.stringify(path));
      const refused = nodeSockets.listen({ type: 'unix', path }, () => {});
      await expect(refused).rejects.toMatchObject({
        code: 'EADDRINUSE',
        message: `Cannot listen on "${path}": Address already in use`,
      });
      await kill(holder);
      const tries = Array.from({ length: 5 }, () =>
        nodeSockets.listen({ type: 'unix', path }, () => {}),
      );
      const ends = await Promise.allSettled(tries);
      const made = ends.filter((end) => end.status === 'fulfilled');
      const others = ends.filter((end) => end.status === 'rejected');
      expect(made.length).toBe(1);
      expect(others.map(({ reason }) => reason.code)).toEqual(Array(4).fill('EADDRINUSE'));
      const client = await nodeSockets.connect({ type: 'unix', path });
      client.destroy();
      await made[0]?.value.close();
    }));

  it('never takes the place of a file that is no socket', () =>
    withPath(async (path, folder) => {
      await writeFile(path, 'precious');
      const link = join(folder, 'link');
      await symlink(path, link);
      for (const name of [path, link]) {
        const refused = nodeSockets.listen({ type: 'unix', path: name }, () => {});
        await expect(refused).rejects.toMatchObject({ code: 'EADDRINUSE' });
      }
      expect(await readFile(path, 'utf8')).toBe('precious');
    }));

  it.each([
    ['longer than the system takes', `/tmp/${'x'.repeat(200)}`, 'ENAMETOOLONG'],
    ['in no folder', '/no/such/folder/socket', 'ENOENT'],
    ['of no file', '\0abstract', 'EINVAL'],
    ['without any letter', '', 'EINVAL'],
  ])('refuses a path %s', async (_, path, code) => {
    const listening = nodeSockets.listen({ type: 'unix', path }, () => {});
    await expect(listening).rejects.toMatchObject({ name: 'BlockError', code });
    const connecting = nodeSockets.connect({ type: 'unix', path });
    await expect(connecting).rejects.toMatchObject({ name: 'BlockError', code });
  });

  it('takes the longest path that there is', () =>
    withFolder(async (folder) => {
      const room = (process.platform === 'linux' ? 107 : 103) - folder.length - 1;
      const path = join(folder, 'x'.repeat(room));
      const listener = await nodeSockets.listen({ type: 'unix', path }, () => {});
      expect(await readdir(folder)).toEqual(['x'.repeat(room)]);
      await listener.close();
      const longer = nodeSockets.listen({ type: 'unix', path: `${path}x` }, () => {});
      await expect(longer).rejects.toMatchObject({ code: 'ENAMETOOLONG' });
    }));
});

describe('a TCP socket', () => {
  it.each(['127.0.0.1', '::1', 'localhost'])(
    'listens at %s, and names its visitors',
    async (host) => {
      const visitors: Connection[] = [];
      const listener = await nodeSockets.listen({ ...LOCAL, host }, (one) => visitors.push(one));
      expect(listener.address).toMatchObject({ type: 'inet', host });
      const client = await nodeSockets.connect(listener.address);
      while (visitors.length === 0) await settle();
      expect(client.peer).toBe(describeAddress(listener.address));
      expect(visitors[0]?.peer).toMatch(/^(127\.0\.0\.1|\[::1\]):[1-9]\d*$/);
      await listener.close();
      client.destroy();
      visitors[0]?.destroy();
    },
  );

  it('gives up when it is told to', async () => {
    // Nobody accepts, and the queue of those who wait for it is full.
    const stop = 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);';
    const [silent, port] = await startListener("{ host: '127.0.0.1', port: 0, backlog: 1 }", stop);
    const waiting: Connection[] = [];
    try {
      const connectMore = async () => {
        for (;;) waiting.push(await nodeSockets.connect({ ...LOCAL, port }, 200));
      };
      await expect(connectMore()).rejects.toMatchObject({ name: 'BlockError', code: 'ETIMEDOUT' });
    } finally {
      for (const connection of waiting) connection.destroy();
      await kill(silent);
    }
  });

  it('says so when a name leads nowhere', async () => {
    const lost = nodeSockets.connect({ type: 'inet', host: 'no-such-host.invalid', port: 1 });
    await expect(lost).rejects.toMatchObject({ name: 'BlockError', code: 'EHOSTUNREACH' });
  });

  it('leaves an end that does not end its half', async () => {
    const server = createServer({ allowHalfOpen: true }, (socket) => socket.resume());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { readonly port: number };
    const ended = once(server, 'connection').then(([socket]) => once(socket, 'end'));
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const client = await nodeSockets.connect({ ...LOCAL, port });
      const told = new SocketRecorder(client);
      client.end();
      await ended;
      await settle();
      expect(told.events).toEqual([]);
      vi.advanceTimersByTime(LINGER_MS);
      await told.happened('closed');
      expect(told.events).toEqual(['closed']);
    } finally {
      vi.useRealTimers();
      server.close();
    }
  });

  it('still answers who has ended its half', async () => {
    const listener = await nodeSockets.listen(LOCAL, (server) => {
      const requests: Uint8Array[] = [];
      server.receive({
        data: (bytes) => requests.push(bytes.slice()),
        drained() {},
        ended() {
          server.write(Buffer.concat(requests));
          server.end();
        },
        closed() {},
      });
    });
    const { port } = listener.address as typeof LOCAL;
    const client = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    client.end('requests');
    const answers: Buffer[] = [];
    for await (const chunk of client) answers.push(chunk);
    expect(Buffer.concat(answers).toString()).toBe('requests');
    await listener.close();
  });

  it('tells of a reset, and leaves nothing to be caught', async () => {
    const server = createServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { readonly port: number };
    const client = await nodeSockets.connect({ ...LOCAL, port });
    const told = new SocketRecorder(client);
    client.write(new Uint8Array(1));
    await told.happened('closed');
    expect(told.events).toEqual(['drained', 'closed ECONNRESET']);
    expect(told.error?.message).toBe(
      `Cannot exchange data with "127.0.0.1:${port}": Connection reset by peer`,
    );
    server.close();
  });

  it('sends what was written in one turn in one piece', async () => {
    const pieces: number[] = [];
    const server = createServer((socket) => socket.on('data', ({ length }) => pieces.push(length)));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { readonly port: number };
    const client = await nodeSockets.connect({ ...LOCAL, port });
    const told = new SocketRecorder(client);
    for (let count = 0; count < 100; count += 1) client.write(new Uint8Array(10));
    client.end();
    await told.happened('closed');
    expect(pieces).toEqual([1000]);
    server.close();
  });

  it('sends what is answered to data before anybody else has a turn', async () => {
    const events: string[] = [];
    const listener = await nodeSockets.listen(LOCAL, (connection) => {
      connection.receive({
        data() {
          setImmediate(() => events.push('turn'));
          connection.write(new Uint8Array(10), () => events.push('sent'));
          connection.write(new Uint8Array(10));
        },
        drained() {},
        closed() {},
      });
    });
    const client = await nodeSockets.connect(listener.address);
    const told = new SocketRecorder(client);
    client.write(new Uint8Array(1));
    await told.received(20);
    await vi.waitUntil(() => events.length === 2);
    expect(events).toEqual(['sent', 'turn']);
    expect(told.pieces).toHaveLength(1);
    client.destroy();
    await listener.close();
  });

  it('puts what comes where the receiver wants it', async () => {
    const whole = new Uint8Array(400_000);
    const [wanted, others]: Uint8Array[][] = [[], []];
    let taken = 0;
    const listener = await nodeSockets.listen(LOCAL, (connection) => {
      connection.receive({
        data(bytes) {
          if (bytes.buffer !== whole.buffer) {
            whole.set(bytes, taken);
            others?.push(bytes);
          } else wanted?.push(bytes);
          taken += bytes.length;
        },
        place: () => (taken < 300_000 ? whole.subarray(taken, 300_000) : undefined),
        drained() {},
        closed() {},
      });
    });
    const client = await nodeSockets.connect(listener.address);
    const told = new SocketRecorder(client);
    const sent = Uint8Array.from(whole, (_, index) => index % 251);
    client.write(sent);
    client.end();
    await told.happened('closed');
    expect(Buffer.compare(whole, sent)).toBe(0);
    // The first piece comes before it is asked.
    const early = others?.[0]?.length ?? 0;
    expect(wanted?.reduce((sum, { length }) => sum + length, early)).toBe(300_000);
    await listener.close();
  });

  it('has let go of everything when it is over', async () => {
    const before = process.getActiveResourcesInfo().filter((name) => name.startsWith('TCP'));
    const ends: Promise<void>[] = [];
    const listener = await nodeSockets.listen(LOCAL, (server) => {
      ends.push(
        new Promise((resolve) => {
          server.receive({ data() {}, drained() {}, closed: () => resolve() });
        }),
      );
    });
    const clients = await Promise.all(
      Array.from({ length: 20 }, () => nodeSockets.connect(listener.address)),
    );
    ends.push(...clients.map((client) => new SocketRecorder(client).happened('closed')));
    for (const client of clients) client.end();
    await Promise.all(ends);
    expect(ends.length).toBe(40);
    await listener.close();
    await settle();
    const after = process.getActiveResourcesInfo().filter((name) => name.startsWith('TCP'));
    expect(after).toEqual(before);
  });
});
