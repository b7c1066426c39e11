/**
 * Streams of bytes that are no sockets, each as a connection: what a monitor may speak through.
 *
 * Such a connection has no other end that could be told of its own: it ends when there is nothing
 * more to read, and not at all where nothing can be read.
 */

import type { Connection } from './sockets.ts';

/** A file that output goes to. */
export interface OutputFile {
  readonly path: string;
  /** After what is in it; else that is lost. @default false */
  readonly append?: boolean | undefined;
  /** Where input is read from. @default There is none. */
  readonly input?: string | undefined;
}

export interface Streams {
  /** The standard input and output of this process, for one user. */
  stdio(): Connection;
  /** A file, made if there is none. @throws {BlockError} `ENOENT`, `EACCES` and the like. */
  file(file: OutputFile): Connection;
  /**
   * Two FIFOs, `path.in` and `path.out`, or else whatever can be read and written at `path`.
   *
   * @throws {BlockError} `ENOENT`, `EACCES` and the like.
   */
  pipe(path: string): Connection;
}
