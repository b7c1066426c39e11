import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { link, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { FileIdentity } from '../../src/env/files.ts';
import { nodeFiles } from '../../src/env/node-files.ts';
import { lockFile } from '../../src/env/node-lock.ts';
import { makeFile, withFolder } from '../support/temporary.ts';

describe('lockFile()', () => {
  it('gives the lock to one at a time, and to the next when it is released', () =>
    withFolder(async (folder) => {
      const identity = await identityOf(await makeFile(folder, 'file', 0));
      const lock = await lockFile(identity);
      expect(lock).toBeDefined();
      expect(await lockFile(identity)).toBeUndefined();
      await lock?.release();
      const next = await lockFile(identity);
      expect(next).toBeDefined();
      await next?.release();
    }));

  it('gives the lock to exactly one of many who ask at the same time', () =>
    withFolder(async (folder) => {
      const identity = await identityOf(await makeFile(folder, 'file', 0));
      const locks = await Promise.all(Array.from({ length: 20 }, () => lockFile(identity)));
      expect(locks.filter((lock) => lock !== undefined).length).toBe(1);
      await Promise.all(locks.map((lock) => lock?.release()));
    }));

  it('is the same for all names of a file, and another for another file', () =>
    withFolder(async (folder) => {
      const path = await makeFile(folder, 'file', 0);
      const alias = join(folder, 'alias');
      await link(path, alias);
      const lock = await lockFile(await identityOf(path));
      expect(await lockFile(await identityOf(alias))).toBeUndefined();
      const other = await lockFile(await identityOf(await makeFile(folder, 'other', 0)));
      expect(other).toBeDefined();
      await lock?.release();
      await other?.release();
    }));

  it('may be released twice', () =>
    withFolder(async (folder) => {
      const identity = await identityOf(await makeFile(folder, 'file', 0));
      const lock = await lockFile(identity);
      await lock?.release();
      const next = await lockFile(identity);
      await lock?.release();
      expect(await lockFile(identity)).toBeUndefined();
      await next?.release();
    }));
});

const skip = process.platform === 'linux' ? undefined : 'its address is written for Linux';

describe.skipIf(skip)(`lockFile() among processes${skip ? ` (skipped: ${skip})` : ''}`, () => {
  it('is taken over from a process that was killed, and not before', () =>
    withFolder(async (folder) => {
      const identity = await identityOf(await makeFile(folder, 'file', 0));
      const holder = startHolder(identity);
      expect(await firstLine(holder)).toBe('held');
      expect(await lockFile(identity)).toBeUndefined();
      holder.kill('SIGKILL');
      await once(holder, 'exit');
      const lock = await lockFile(identity);
      expect(lock).toBeDefined();
      await lock?.release();
    }));

  it('is refused to another process', () =>
    withFolder(async (folder) => {
      const identity = await identityOf(await makeFile(folder, 'file', 0));
      const lock = await lockFile(identity);
      const asker = startHolder(identity);
      expect(await firstLine(asker)).toBe('EADDRINUSE');
      await once(asker, 'exit');
      await lock?.release();
    }));

  it('is not passed on to the processes that its holder starts', () =>
    withFolder(async (folder) => {
      const identity = await identityOf(await makeFile(folder, 'file', 0));
      const lock = await lockFile(identity);
      const child = spawn(process.execPath, ['-e', 'process.stdin.resume()']);
      await once(child, 'spawn');
      await lock?.release();
      const next = await lockFile(identity);
      expect(next).toBeDefined();
      await next?.release();
      child.kill('SIGKILL');
      await once(child, 'exit');
    }));

  it('does not keep its process alive', () =>
    withFolder(async (folder) => {
      const before = process.getActiveResourcesInfo().length;
      const lock = await lockFile(await identityOf(await makeFile(folder, 'file', 0)));
      expect(process.getActiveResourcesInfo().length).toBe(before);
      await lock?.release();
    }));
});

/**
 * Another program's way of taking the lock: it knows the address and nothing of our code, since the
 * oldest Node that we run on does not read TypeScript.
 */
const HOLDER = `
  const server = require('node:net').createServer();
  server.on('error', (error) => console.log(error.code));
  server.listen('\\0' + process.argv[1], () => console.log('held'));
`;

function startHolder({ device, inode }: FileIdentity): ChildProcess {
  const arguments_ = ['-e', HOLDER, `mirrordisk-lock-${device}-${inode}`];
  return spawn(process.execPath, arguments_, { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function firstLine({ stdout }: ChildProcess): Promise<string> {
  if (!stdout) throw new Error('the child has no output');
  const [chunk] = await once(stdout, 'data');
  return String(chunk).trim();
}

async function identityOf(path: string): Promise<FileIdentity> {
  const status = await nodeFiles.status(path);
  const { dev, ino } = await stat(path);
  expect(status).toMatchObject({ device: dev, inode: ino });
  if (!status) throw new Error('there is no such file');
  return status;
}
