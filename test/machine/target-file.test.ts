import { existsSync, linkSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeEnv } from '../../src/env/node.ts';
import { TargetFile } from '../../src/machine/target-file.ts';
import { withFolder } from '../support/temporary.ts';

const { files } = nodeEnv();

/** Runs `body` with the path of a target and that of its unfinished copy. */
function withTarget(body: (path: string, partial: string, folder: string) => Promise<void>) {
  return withFolder((folder) => {
    const path = join(folder, 'copy.img');
    return body(path, `${path}.mirrordisk-partial`, folder);
  });
}

const NEW = { size: 4096, overwrite: false, source: undefined };

describe('TargetFile.prepare()', () => {
  it('makes a file that gets its name later', () =>
    withTarget(async (path, partial, folder) => {
      const file = await TargetFile.prepare(files, { path, ...NEW });
      expect([file.path, readdirSync(folder)]).toEqual([partial, ['copy.img.mirrordisk-partial']]);
      await file.publish();
      expect([file.path, readdirSync(folder)]).toEqual([path, ['copy.img']]);
      await file.discard();
      expect(readFileSync(path)).toHaveLength(4096);
    }));

  it('of a file with two names, by a kill while it got its own, leaves one', () =>
    withTarget(async (path, partial, folder) => {
      writeFileSync(path, 'data');
      linkSync(path, partial);
      const file = await TargetFile.prepare(files, { path, ...NEW, overwrite: true });
      expect([file.path, readdirSync(folder)]).toEqual([path, ['copy.img']]);
    }));
});

describe('TargetFile.check()', () => {
  it('refuses what prepare() refuses, and changes nothing', () =>
    withTarget(async (path, partial) => {
      writeFileSync(partial, 'left over');
      const options = { path, overwrite: false, source: undefined };
      expect(await TargetFile.check(files, options)).toBe(false);
      writeFileSync(path, 'data');
      await expect(TargetFile.check(files, options)).rejects.toMatchObject({ code: 'EEXIST' });
      expect(await TargetFile.check(files, { ...options, overwrite: true })).toBe(true);
      expect(readFileSync(partial, 'utf8')).toBe('left over');
    }));
});

describe('TargetFile.find()', () => {
  it('finds the file under whichever name it has, or nothing', () =>
    withTarget(async (path, partial) => {
      expect(await TargetFile.find(files, path)).toBeUndefined();
      writeFileSync(partial, 'data');
      expect((await TargetFile.find(files, path))?.path).toBe(partial);
    }));

  it('finishes the naming of a file that has both', () =>
    withTarget(async (path, partial) => {
      writeFileSync(path, 'data');
      linkSync(path, partial);
      expect((await TargetFile.find(files, path))?.path).toBe(path);
      expect([existsSync(partial), readFileSync(path, 'utf8')]).toEqual([false, 'data']);
    }));

  it('leaves a file alone that its mirror is giving its name at this moment', () =>
    withTarget(async (path, partial) => {
      writeFileSync(path, 'data');
      linkSync(path, partial);
      const status = await files.status(path);
      const lock = status && (await files.lock(status));
      await expect(TargetFile.find(files, path)).rejects.toMatchObject({ code: 'EBUSY' });
      expect(existsSync(partial)).toBe(true);
      await lock?.release();
    }));

  it('refuses an unfinished file whose name another file has taken', () =>
    withTarget(async (path, partial) => {
      writeFileSync(path, 'mine');
      writeFileSync(partial, 'data');
      await expect(TargetFile.find(files, path)).rejects.toMatchObject({ code: 'EEXIST' });
      expect([path, partial].map((name) => readFileSync(name, 'utf8'))).toEqual(['mine', 'data']);
    }));
});
