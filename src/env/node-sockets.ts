/**
 * Sockets by way of `node:net`.
 *
 * A Unix socket has the mode 0600 from its first moment: it is bound under a umask that leaves no
 * other rights, within one call, so that no other code of this thread runs meanwhile. Files that
 * other threads make at that moment may get fewer rights than they should, never more. A worker
 * thread cannot set the umask: there the socket has that mode once the same call is over.
 */

import { chmodSync, fstatSync } from 'node:fs';
import { lstat, unlink } from 'node:fs/promises';
import { connect, createServer, type Server, Socket } from 'node:net';
import { dirname, resolve } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { BlockError } from '../base/errors.ts';
import { NodeConnection } from './node-connection.ts';
import { Intake, withIntake } from './node-intake.ts';
import { lockFile } from './node-lock.ts';
import { socketError } from './node-socket-errors.ts';
import {
  type Connection,
  describeAddress,
  type InheritedSocket,
  type Listener,
  type SocketAddress,
  type Sockets,
} from './sockets.ts';

/** What the system takes for the name of a socket, in bytes. */
const PATH_LENGTH_MAX = process.platform === 'linux' ? 107 : 103;
/** The rights to a Unix socket: its owner's alone. */
const SOCKET_MODE = 0o600;
/** When a connection on which nothing comes is asked whether it is still there. */
const KEEP_ALIVE_MS = 60_000;

const SOCKET_OPTIONS = {
  allowHalfOpen: true,
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: KEEP_ALIVE_MS,
} as const;

export const nodeSockets: Sockets = {
  async listen(address, accept) {
    const action = `listen on "${describeAddress(address)}"`;
    demandPossible(address, action);
    const start = () => startServer(address, accept);
    try {
      const server = await start().catch(async (error: NodeJS.ErrnoException) => {
        if (address.type !== 'unix') throw error;
        // Node says that also where there is no folder; to look for it says so.
        if (error.code === 'EACCES') await lstat(dirname(address.path));
        if (error.code !== 'EADDRINUSE') throw error;
        return takeOver(address.path, start, error);
      });
      return listenerOf(server, address);
    } catch (error) {
      throw socketError(error, action);
    }
  },

  async connect(address, timeoutMs) {
    const action = `connect to "${describeAddress(address)}"`;
    demandPossible(address, action);
    const intake = new Intake();
    const options = { ...SOCKET_OPTIONS, onread: intake.options };
    if (address.type === 'fd') {
      const socket = new Socket({ ...options, fd: address.descriptor });
      return new NodeConnection({ socket, intake }, describeAddress(address));
    }
    const socket = connect({ ...options, ...placeOf(address) });
    try {
      await connected(socket, action, timeoutMs);
    } catch (error) {
      socket.destroy();
      throw socketError(error, action);
    }
    return new NodeConnection({ socket, intake }, describeAddress(address));
  },
};

function demandPossible(address: SocketAddress | InheritedSocket, action: string): void {
  if (address.type === 'inet') return;
  if (address.type === 'fd') {
    demandSocket(address, action);
    return;
  }
  const length = Buffer.byteLength(address.path);
  if (length === 0 || address.path.includes('\0')) {
    throw new BlockError('EINVAL', action, 'a socket needs the path of a file');
  }
  if (length > PATH_LENGTH_MAX) {
    const rule = `the path of a socket has at most ${PATH_LENGTH_MAX} bytes: ${length}`;
    throw new BlockError('ENAMETOOLONG', action, rule);
  }
}

function demandSocket({ descriptor }: InheritedSocket, action: string): void {
  try {
    if (fstatSync(descriptor).isSocket()) return;
  } catch {
    // It is not open.
  }
  throw new BlockError('EINVAL', action, `File descriptor '${descriptor}' is not a socket`);
}

function placeOf(address: SocketAddress) {
  return address.type === 'unix'
    ? { path: address.path }
    : { host: address.host, port: address.port };
}

function startServer(
  address: SocketAddress | InheritedSocket,
  accept: (connection: Connection) => void,
): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer({ ...SOCKET_OPTIONS, pauseOnConnect: true }, (accepted) => {
      const { socket, intake } = withIntake(accepted);
      if (!intake) socket.resume();
      accept(new NodeConnection({ socket, intake }, peerOf(socket, address)));
    });
    // Later ones are of visitors that could not be let in: the promise has long been kept.
    server.on('error', reject);
    server.on('listening', () => resolve(server));
    if (address.type === 'inet') server.listen(placeOf(address));
    else if (address.type === 'fd') server.listen({ fd: address.descriptor });
    else listenPrivately(server, address.path);
  });
}

/** Listens at a socket that only this user may connect to, from the first moment on. */
function listenPrivately(server: Server, given: string): void {
  // Its end removes what has this name then, wherever this process has gone meanwhile.
  const place = resolve(given);
  const path = Buffer.byteLength(place) <= PATH_LENGTH_MAX ? place : given;
  if (!isMainThread) {
    server.listen({ path });
    if (server.listening) chmodSync(path, SOCKET_MODE);
    return;
  }
  const before = process.umask(0o777 & ~SOCKET_MODE);
  try {
    server.listen({ path });
  } finally {
    process.umask(before);
  }
}

function peerOf(socket: Socket, address: SocketAddress | InheritedSocket): string {
  const { remoteAddress: host, remotePort: port } = socket;
  if (address.type === 'unix' || host === undefined || port === undefined) {
    return describeAddress(address);
  }
  return describeAddress({ type: 'inet', host, port });
}

/**
 * Puts a new socket in the place of one whose process has died without removing it. Of several who
 * try, one gets the lock on what is there; the others then find it gone, or answering.
 */
async function takeOver(path: string, start: () => Promise<Server>, inUse: Error): Promise<Server> {
  const found = await lstat(path);
  const lock = await lockFile({ device: found.dev, inode: found.ino });
  if (!lock) throw inUse;
  try {
    const { dev, ino } = await lstat(path);
    const isSame = dev === found.dev && ino === found.ino;
    if (!isSame || !found.isSocket() || !(await isDead(path))) throw inUse;
    await unlink(path);
    return await start();
  } finally {
    await lock.release();
  }
}

/** Whether nobody listens at a socket. */
function isDead(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const visitor = connect(path);
    visitor.on('connect', () => {
      visitor.destroy();
      resolve(false);
    });
    visitor.on('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}

function listenerOf(server: Server, address: SocketAddress | InheritedSocket): Listener {
  const bound = boundAt(server, address);
  const close = () => {
    process.off('exit', close);
    // It is over at once; what Node would have us wait for is the end of all connections.
    server.close();
  };
  // The name of a Unix socket goes with it, which a process that exits would leave behind.
  if (address.type === 'unix') process.on('exit', close);
  return { address: bound, close: async () => close() };
}

function boundAt(server: Server, address: SocketAddress | InheritedSocket): SocketAddress {
  const bound = server.address();
  if (address.type === 'unix') return address;
  if (typeof bound !== 'object' || bound === null) return { type: 'unix', path: '' };
  const { address: host, port } = bound;
  return { type: 'inet', host: address.type === 'inet' ? address.host : host, port };
}

function connected(socket: Socket, action: string, timeoutMs: number | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            reject(new BlockError('ETIMEDOUT', action, `no answer within ${timeoutMs} ms`));
          }, timeoutMs);
    socket.once('close', () => clearTimeout(timer));
    socket.once('error', reject);
    socket.once('connect', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
