/** Files of which the test hears before anything is done, to hold it up, count it or fail it. */

import type { Files, OpenFile, OpenFileOptions } from '../../src/env/files.ts';

/** What a file is about to do. */
export interface FileCall {
  readonly operation: 'open' | 'lock' | 'status' | 'read' | 'write' | 'sync' | 'truncate' | 'close';
  /** Empty for a lock. */
  readonly path: string;
  readonly direct: boolean;
  /** Of a read or a write; else 0. */
  readonly offset: number;
  /** Of a read or a write, or the size that a truncation gives. */
  readonly length: number;
  readonly bytes?: Uint8Array;
}

/** Does it first; what it throws becomes the outcome. */
export type FileHook = (call: FileCall) => unknown;

/** @returns Files that call `hook` first. */
export function hookedFiles(files: Files, hook: FileHook): Files {
  return {
    ...files,
    async open(path, options) {
      const { direct = false } = options;
      await hook({ operation: 'open', path, direct, offset: 0, length: 0 });
      return hookedFile(await files.open(path, options), path, options, hook);
    },
    async lock(identity) {
      await hook({ operation: 'lock', path: '', direct: false, offset: 0, length: 0 });
      return files.lock(identity);
    },
  };
}

function hookedFile(
  file: OpenFile,
  path: string,
  { direct = false }: OpenFileOptions,
  hook: FileHook,
): OpenFile {
  const about = { path, direct, offset: 0, length: 0 };
  return {
    async read(offset, bytes) {
      await hook({ ...about, operation: 'read', offset, length: bytes.length, bytes });
      return file.read(offset, bytes);
    },
    async write(offset, bytes) {
      await hook({ ...about, operation: 'write', offset, length: bytes.length, bytes });
      await file.write(offset, bytes);
    },
    async sync() {
      await hook({ ...about, operation: 'sync' });
      await file.sync();
    },
    async truncate(size) {
      await hook({ ...about, operation: 'truncate', length: size });
      await file.truncate(size);
    },
    async status() {
      await hook({ ...about, operation: 'status' });
      return file.status();
    },
    async close() {
      await hook({ ...about, operation: 'close' });
      await file.close();
    },
  };
}
