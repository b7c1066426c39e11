import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeEnv } from '../../src/env/node.ts';
import { type DiskMirrorOptions, openDisk } from '../../src/index.ts';
import { demandPersistable } from '../../src/machine/persistence.ts';
import { pattern } from '../support/drivers.ts';
import { type FileHook, hookedFiles } from '../support/hooked-files.ts';
import { type Place, withSource } from '../support/image-place.ts';
import { withFolder } from '../support/temporary.ts';

const KiB = 1024;
const SIZE = 1024 * KiB;
const PERSIST = { persist: true } as const;
const SLOW = { persist: true, speed: 128 * KiB, bufSize: 64 * KiB } as const;

/** Mirrors a part of the disk and closes it; `during` may write to it meanwhile. */
async function interrupted({ source, target }: Place, during = async (_: Disk) => {}) {
  const disk = await openDisk(source);
  const mirror = await disk.mirror(target, { ...SLOW, speed: 4096 * KiB });
  while (mirror.progress.offset < 256 * KiB) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  mirror.setSpeed(SLOW.speed);
  await during(disk);
  await disk.close();
  expect(await mirror.finished).toEqual({ status: 'cancelled' });
}

type Disk = Awaited<ReturnType<typeof openDisk>>;

/** Mirrors to the end. @returns What an earlier mirror had left to copy. */
async function finished({ source, target }: Place, options: DiskMirrorOptions = PERSIST) {
  await using disk = await openDisk(source);
  const mirror = await disk.mirror(target, options);
  await mirror.ready;
  await mirror.finish();
  return mirror.resumedBytes;
}

function same({ source, target }: Place): boolean {
  return Buffer.compare(readFileSync(source), readFileSync(target)) === 0;
}

function names({ folder }: Place): readonly string[] {
  return readdirSync(folder).sort();
}

const LEFT = ['copy.img.mirrordisk-journal', 'copy.img.mirrordisk-partial', 'disk.img'];

describe('a persistent mirror', () => {
  it('that nobody interrupts leaves two equal images and nothing else', () =>
    withSource(SIZE, async (place) => {
      expect(await finished(place)).toBeUndefined();
      expect(same(place)).toBe(true);
      expect(names(place)).toEqual(['copy.img', 'disk.img']);
    }));

  it('whose disk is closed goes on exactly where it was', () =>
    withSource(SIZE, async (place) => {
      await interrupted(place);
      expect(names(place)).toEqual(LEFT);
      const left = await finished(place);
      expect(left).toBeGreaterThan(0);
      expect(left).toBeLessThanOrEqual(SIZE - 256 * KiB);
      expect(same(place)).toBe(true);
      expect(names(place)).toEqual(['copy.img', 'disk.img']);
    }));

  it('whose disk is closed under writes loses none of them', () =>
    withSource(SIZE, async (place) => {
      const writes: Promise<void>[] = [];
      await interrupted(place, async (disk) => {
        for (let at = 0; at < SIZE; at += 128 * KiB) {
          writes.push(disk.write(at, new Uint8Array(4 * KiB).fill(at / KiB)));
        }
      });
      expect(await Promise.allSettled(writes)).toHaveLength(8);
      await finished(place);
      expect(same(place)).toBe(true);
    }));

  it('goes on in phase 2 by copying little, under the name that the target got', () =>
    withSource(SIZE, async (place) => {
      const disk = await openDisk(place.source);
      const mirror = await disk.mirror(place.target, { ...PERSIST, granularity: 4 * KiB });
      await mirror.ready;
      await disk.write(512, new Uint8Array(512).fill(9));
      await disk.close();
      expect(names(place)).toEqual(['copy.img', 'copy.img.mirrordisk-journal', 'disk.img']);
      expect(await finished(place, { ...PERSIST, granularity: 4 * KiB })).toBeLessThanOrEqual(
        8 * KiB,
      );
      expect(same(place)).toBe(true);
    }));

  it('trusts no journal once its own guest has written before it began', () =>
    withSource(SIZE, async (place) => {
      await interrupted(place);
      await using disk = await openDisk(place.source);
      await disk.write(0, new Uint8Array(4 * KiB).fill(77));
      const mirror = await disk.mirror(place.target, PERSIST);
      expect(mirror.resumedBytes).toBeUndefined();
      await mirror.ready;
      await mirror.finish();
      expect(same(place)).toBe(true);
    }));

  it('misses no write that comes while it takes up the journal', () =>
    withSource(SIZE, async (place) => {
      await interrupted(place);
      let write: Promise<void> | undefined;
      const hook: FileHook = async ({ operation, path }) => {
        // It is under way when all of the journal has been read, and ends later.
        if (operation === 'write' && path.endsWith('journal')) {
          write ??= disk.write(0, new Uint8Array(4 * KiB).fill(77));
        }
        for (let turn = 0; operation === 'write' && path === place.source && turn < 50; turn += 1) {
          await new Promise((resolve) => setImmediate(resolve));
        }
      };
      const env = { ...nodeEnv(), files: hookedFiles(nodeEnv().files, hook) };
      await using disk = await openDisk(place.source, { env });
      const mirror = await disk.mirror(place.target, PERSIST);
      expect(mirror.resumedBytes).toBeLessThan(SIZE);
      await write;
      await mirror.ready;
      await mirror.finish();
      expect(await disk.read(0, 512)).toEqual(new Uint8Array(512).fill(77));
      expect(same(place)).toBe(true);
    }));

  it('that is aborted leaves nothing that a later one could trust', () =>
    withSource(SIZE, async (place) => {
      await using disk = await openDisk(place.source);
      const mirror = await disk.mirror(place.target, SLOW);
      expect(await mirror.abort()).toEqual({ status: 'cancelled' });
      await disk.write(0, new Uint8Array(4 * KiB).fill(77));
      expect(names(place)).toEqual(['disk.img']);
      const next = await disk.mirror(place.target, PERSIST);
      expect(next.resumedBytes).toBeUndefined();
      await next.ready;
      await next.finish();
      expect(same(place)).toBe(true);
    }));

  it('that is aborted in phase 2 leaves a target that is not trusted', () =>
    withSource(SIZE, async (place) => {
      await using disk = await openDisk(place.source);
      const mirror = await disk.mirror(place.target, PERSIST);
      await mirror.ready;
      await mirror.abort();
      await disk.write(0, new Uint8Array(4 * KiB).fill(77));
      expect(names(place)).toEqual(['copy.img', 'disk.img']);
      await expect(disk.mirror(place.target, PERSIST)).rejects.toMatchObject({ code: 'EEXIST' });
    }));

  it('that cannot be started leaves what another has left as it was', () =>
    withSource(SIZE, async (place) => {
      await interrupted(place);
      const other = join(place.folder, 'other.img');
      await writeFile(other, pattern(SIZE, 2));
      const wrong: readonly [string, DiskMirrorOptions, string][] = [
        [place.source, { ...PERSIST, granularity: 4 * KiB }, 'it must have the granularity 4096'],
        [place.source, { ...PERSIST, speed: -1 }, "'speed' expects a non-negative value"],
        [other, PERSIST, 'it must belong to the source'],
      ];
      for (const [source, options, message] of wrong) {
        await using disk = await openDisk(source);
        await expect(disk.mirror(place.target, options)).rejects.toThrow(message);
      }
      expect(names(place)).toEqual([...LEFT, 'other.img'].sort());
      expect(await finished(place)).toBeLessThanOrEqual(SIZE - 256 * KiB);
      expect(same(place)).toBe(true);
    }));

  it('in use by one disk is not taken up by another, nor harmed', () =>
    withSource(SIZE, async (place) => {
      await using disk = await openDisk(place.source, { readOnly: true });
      const mirror = await disk.mirror(place.target, SLOW);
      await using second = await openDisk(place.source, { readOnly: true });
      for (const options of [PERSIST, { ...PERSIST, overwrite: true }, {}]) {
        await expect(second.mirror(place.target, options)).rejects.toMatchObject({ code: 'EBUSY' });
      }
      expect(names(place)).toEqual(LEFT);
      mirror.setSpeed(0);
      await mirror.ready;
      await mirror.finish();
      expect(same(place)).toBe(true);
    }));

  it('starts over with overwrite', () =>
    withSource(SIZE, async (place) => {
      await interrupted(place);
      expect(await finished(place, { ...PERSIST, overwrite: true })).toBeUndefined();
      expect(same(place)).toBe(true);
    }));
});

describe('a mirror without persistence', () => {
  it('removes a journal for its target, which no later one trusts', () =>
    withSource(SIZE, async (place) => {
      await interrupted(place);
      const disk = await openDisk(place.source);
      await disk.mirror(place.target, { speed: 128 * KiB });
      expect(existsSync(`${place.target}.mirrordisk-journal`)).toBe(false);
      await disk.close();
      expect(await finished(place)).toBeUndefined();
      expect(same(place)).toBe(true);
    }));

  it('that does not touch the target does not touch its journal either', () =>
    withSource(SIZE, async (place) => {
      const disk = await openDisk(place.source);
      await (await disk.mirror(place.target, PERSIST)).ready;
      await disk.close();
      await using again = await openDisk(place.source);
      await expect(again.mirror(place.target)).rejects.toMatchObject({ code: 'EEXIST' });
      const mirror = await again.mirror(place.target, PERSIST);
      expect(mirror.resumedBytes).toBeDefined();
      await mirror.ready;
      await mirror.finish();
    }));
});

describe('demandPersistable()', () => {
  const { files } = nodeEnv();

  it('takes whole files, and files that do not exist yet', () =>
    withFolder(async (folder) => {
      const source = join(folder, 'disk.img');
      writeFileSync(source, 'x');
      const target = join(folder, 'copy.img');
      await expect(demandPersistable(files, { source, target })).resolves.toBeUndefined();
    }));

  it.each([
    ['no path', { source: undefined, target: 'b' }, 'both disks must be given by their paths'],
    ['no path', { source: 'a', target: undefined }, 'both disks must be given by their paths'],
    ['a part', { source: 'a', target: 'b', sync: 'none' as const }, 'it must copy the whole disk'],
    ['a part', { source: 'a', target: 'b', sync: 'top' as const }, 'it must copy the whole disk'],
  ])('refuses %s: %j', async (_, mirror, message) => {
    await expect(demandPersistable(files, mirror)).rejects.toThrow(message);
  });

  it('refuses block devices, on either side', async () => {
    const status = async (path: string) => {
      const file = await files.status('/');
      const kind = path === 'device' ? 'block' : 'regular';
      return file && ({ ...file, kind } as const);
    };
    for (const [source, target] of [
      ['device', 'file'],
      ['file', 'device'],
    ]) {
      const demanded = demandPersistable({ ...files, status }, { source, target });
      await expect(demanded).rejects.toThrow('"device" must be a file, and is a block device');
    }
    const mirror = { source: 'file', target: 'file' };
    await expect(demandPersistable({ ...files, status }, mirror)).resolves.toBeUndefined();
  });
});

describe('a journal that is damaged', () => {
  const journalOf = ({ target }: Place) => `${target}.mirrordisk-journal`;

  it('in the checksums of both headers is refused, and overwritten when told so', () =>
    withSource(SIZE, async (place) => {
      await interrupted(place);
      const bytes = await readFile(journalOf(place));
      for (const at of [64, 4096 + 64]) bytes[at] = (bytes[at] ?? 0) ^ 0xff;
      await writeFile(journalOf(place), bytes);
      await expect(finished(place)).rejects.toMatchObject({ code: 'EINVAL' });
      expect(names(place)).toEqual(LEFT);
      expect(await finished(place, { ...PERSIST, overwrite: true })).toBeUndefined();
      expect(same(place)).toBe(true);
    }));

  it('or is none at all is left to its owner', () =>
    withSource(SIZE, async (place) => {
      await interrupted(place);
      await writeFile(journalOf(place), 'my own file');
      await expect(finished(place)).rejects.toMatchObject({ code: 'EINVAL' });
      const over = finished(place, { ...PERSIST, overwrite: true });
      await expect(over).rejects.toThrow('it is not a journal');
      expect(await readFile(journalOf(place), 'utf8')).toBe('my own file');
    }));
});
