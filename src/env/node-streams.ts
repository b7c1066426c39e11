/** Streams that are no sockets, by way of Node's. */

import {
  closeSync,
  constants,
  createReadStream,
  createWriteStream,
  existsSync,
  openSync,
} from 'node:fs';
import { Socket } from 'node:net';
import { Duplex, type Readable, Writable } from 'node:stream';
import { fromSystemError } from '../base/errors.ts';
import { NodeConnection } from './node-connection.ts';
import type { Streams } from './streams.ts';

const FILE_MODE = 0o666;

export const nodeStreams: Streams = {
  stdio() {
    const { stdin, stdout } = process;
    // The process may have something else to say when the connection is over.
    const writable = new Writable({
      write: (bytes, _encoding, written) => void stdout.write(bytes, written),
    });
    return connectionOf({ readable: stdin, writable }, 'stdio');
  },

  file({ path, append = false, input }) {
    const writing = open(path, append ? 'a' : 'w');
    const writable = createWriteStream(path, { fd: writing });
    if (input === undefined) return connectionOf({ writable }, path);
    try {
      const readable = createReadStream(input, { fd: open(input, 'r') });
      return connectionOf({ readable, writable }, path);
    } catch (error) {
      closeSync(writing);
      throw error;
    }
  },

  pipe(path) {
    // Opened in both directions a FIFO does not wait for its other end, and never comes to one.
    const flags = constants.O_RDWR | constants.O_NONBLOCK;
    if (!existsSync(`${path}.in`) || !existsSync(`${path}.out`)) {
      return connectionOf(new Socket({ fd: open(path, flags) }), path);
    }
    const readable = new Socket({ fd: open(`${path}.in`, flags), writable: false });
    const writable = new Socket({ fd: open(`${path}.out`, flags), readable: false });
    return connectionOf({ readable, writable }, path);
  },
};

type Halves = Duplex | { readonly readable?: Readable; readonly writable: Writable };

function connectionOf(halves: Halves, peer: string): NodeConnection {
  const socket = halves instanceof Duplex ? halves : Duplex.from(halves);
  return new NodeConnection({ socket }, peer);
}

function open(path: string, flags: string | number): number {
  try {
    return openSync(path, flags, FILE_MODE);
  } catch (error) {
    throw fromSystemError(error, `open "${path}"`);
  }
}
