import { link, readdir, readFile, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeEnv } from '../../src/env/node.ts';
import { BlockError, openDisk } from '../../src/index.ts';
import { Machine } from '../../src/machine/machine.ts';
import { pattern } from '../support/drivers.ts';
import { withFolder } from '../support/temporary.ts';

const KiB = 1024;

/** Runs `body` in a folder with an image `disk.img` of that many bytes, none of which is zero. */
function withImage(size: number, body: (folder: string, image: string) => Promise<void>) {
  return withFolder(async (folder) => {
    const image = join(folder, 'disk.img');
    await writeFile(image, pattern(size));
    await body(folder, image);
  });
}

async function bytesOf(path: string): Promise<Uint8Array> {
  return new Uint8Array(await readFile(path));
}

function same(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}

describe('a disk', () => {
  it('reads what was written, and zeroes where they were', async () => {
    await using disk = await openDisk({ driver: 'memory', size: 64 * KiB });
    await disk.write(4096, pattern(1024));
    await disk.writeZeroes(4096, 512);
    await disk.flush();
    const expected = new Uint8Array(2048);
    expected.set(pattern(1024).subarray(512), 512);
    expect(await disk.read(4096, 2048)).toEqual(expected);
    await disk.discard(4096, 1024);
    expect(disk.size).toBe(64 * KiB);
    expect(disk.statistics().operations.out).toMatchObject({ requests: 1, bytes: 1024 });
  });

  it('takes whole sectors within its size only', async () => {
    await using disk = await openDisk({ driver: 'memory', size: 4096 });
    await expect(disk.read(100, 512)).rejects.toThrow('multiples of 512');
    await expect(disk.write(0, new Uint8Array(100))).rejects.toThrow(RangeError);
    await expect(disk.read(4096, 512)).rejects.toThrow('the disk has 4096 bytes');
    await expect(disk.read(-512, 512)).rejects.toThrow(RangeError);
  });

  it('that is read-only refuses writes', () =>
    withImage(4096, async (_, image) => {
      await using disk = await openDisk(image, { readOnly: true });
      await expect(disk.write(0, new Uint8Array(512))).rejects.toMatchObject({ code: 'EIO' });
      expect(await disk.read(0, 512)).toEqual(pattern(512));
    }));

  it('on an image of odd size keeps the size and the bytes', () =>
    withImage(1000, async (_, image) => {
      await using disk = await openDisk(image);
      expect(disk.size).toBe(1024);
      await disk.write(0, await disk.read(0, 1024));
      expect((await stat(image)).size).toBe(1000);
    }));

  it.each([
    ['no-such.img', 'ENOENT'],
    ['.', 'EISDIR'],
  ])('cannot be opened on %s', (name, code) =>
    withFolder(async (folder) => {
      await expect(openDisk(join(folder, name))).rejects.toMatchObject({
        name: 'BlockError',
        code,
      });
    }),
  );

  it('is refused while another has the image open for writing, under any name', () =>
    withImage(4096, async (folder, image) => {
      await link(image, join(folder, 'hard.img'));
      await symlink(image, join(folder, 'soft.img'));
      const disk = await openDisk(image);
      for (const name of ['disk.img', 'hard.img', 'soft.img']) {
        await expect(openDisk(join(folder, name))).rejects.toMatchObject({ code: 'EBUSY' });
      }
      const shared = await openDisk(image, { shared: true });
      await shared.close();
      await disk.close();
      await (await openDisk(image)).close();
    }));
});

describe('a mirror to a path', () => {
  it('makes the target, and gives it its name when both have met', () =>
    withImage(300 * KiB + 100, async (folder, image) => {
      await using disk = await openDisk(image);
      const mirror = await disk.mirror(join(folder, 'copy.img'), { speed: 512 * KiB });
      expect(await readdir(folder)).toContain('copy.img.mirrordisk-partial');
      mirror.setSpeed(0);
      await mirror.ready;
      expect(await readdir(folder)).toEqual(['copy.img', 'disk.img']);
      expect(await mirror.cancel()).toEqual({ status: 'completed', switched: false });
      expect(same(await bytesOf(join(folder, 'copy.img')), await bytesOf(image))).toBe(true);
    }));

  it('moves the guest to the target on complete, and lets go of the source', () =>
    withImage(128 * KiB, async (folder, image) => {
      const before = await bytesOf(image);
      await using disk = await openDisk(image);
      const mirror = await disk.mirror(join(folder, 'copy.img'));
      await mirror.ready;
      expect(await mirror.complete()).toEqual({ status: 'completed', switched: true });
      await disk.write(0, new Uint8Array(512).fill(9));
      expect(same(await bytesOf(image), before)).toBe(true);
      expect((await bytesOf(join(folder, 'copy.img'))).subarray(0, 512)).toEqual(
        new Uint8Array(512).fill(9),
      );
      await (await openDisk(image)).close();
    }));

  it('can go on from the target it was switched to', () =>
    withImage(128 * KiB, async (folder, image) => {
      await using disk = await openDisk(image);
      const first = await disk.mirror(join(folder, 'one.img'));
      await first.ready;
      await first.complete();
      await disk.write(512, new Uint8Array(512).fill(7));
      const second = await disk.mirror(join(folder, 'two.img'));
      await second.ready;
      await second.cancel();
      const [one, two] = [
        await bytesOf(join(folder, 'one.img')),
        await bytesOf(join(folder, 'two.img')),
      ];
      expect(same(one, two)).toBe(true);
    }));

  it('leaves nothing when it is cancelled before both have met', () =>
    withImage(300 * KiB, async (folder, image) => {
      await using disk = await openDisk(image);
      const mirror = await disk.mirror(join(folder, 'copy.img'), { speed: 64 * KiB });
      expect(await mirror.cancel()).toEqual({ status: 'cancelled' });
      await expect(mirror.ready).rejects.toMatchObject({ code: 'ECANCELED' });
      expect(await readdir(folder)).toEqual(['disk.img']);
    }));

  it('is cancelled when the disk is closed, and leaves nothing', () =>
    withImage(300 * KiB, async (folder, image) => {
      const disk = await openDisk(image);
      const mirror = await disk.mirror(join(folder, 'copy.img'), { speed: 64 * KiB });
      await disk.close();
      expect(await mirror.finished).toEqual({ status: 'cancelled' });
      expect(mirror.status).toBe('null');
      expect(await readdir(folder)).toEqual(['disk.img']);
    }));

  it('does not touch a target that may hold data, unless it is told to', () =>
    withImage(64 * KiB, async (folder, image) => {
      const target = join(folder, 'copy.img');
      await writeFile(target, pattern(64 * KiB, 99));
      await using disk = await openDisk(image);
      await expect(disk.mirror(target)).rejects.toMatchObject({ code: 'EEXIST' });
      expect(same(await bytesOf(target), pattern(64 * KiB, 99))).toBe(true);
      const mirror = await disk.mirror(target, { overwrite: true });
      await mirror.ready;
      await mirror.cancel();
      expect(same(await bytesOf(target), await bytesOf(image))).toBe(true);
    }));

  it('writes to a target that exists and holds nothing', () =>
    withImage(64 * KiB, async (folder, image) => {
      const target = join(folder, 'copy.img');
      await writeFile(target, '');
      await truncate(target, 64 * KiB);
      await using disk = await openDisk(image);
      const mirror = await disk.mirror(target);
      await mirror.ready;
      await mirror.cancel();
      expect(same(await bytesOf(target), await bytesOf(image))).toBe(true);
    }));

  it('refuses the source itself, under any name', () =>
    withImage(4096, async (folder, image) => {
      await link(image, join(folder, 'hard.img'));
      await using disk = await openDisk(image);
      for (const name of ['disk.img', 'hard.img']) {
        await expect(disk.mirror(join(folder, name), { overwrite: true })).rejects.toThrow(
          'source and target are the same file',
        );
      }
      expect(same(await bytesOf(image), pattern(4096))).toBe(true);
    }));

  it('fails when the sizes differ, and leaves the target as it was', () =>
    withImage(8192, async (folder, image) => {
      const target = join(folder, 'small.img');
      await writeFile(target, pattern(4096, 5));
      await using disk = await openDisk(image);
      const mirror = await disk.mirror(target, { overwrite: true });
      expect(await mirror.finished).toMatchObject({ status: 'failed', error: { code: 'EINVAL' } });
      await expect(mirror.ready).rejects.toThrow('different sizes');
      expect(same(await bytesOf(target), pattern(4096, 5))).toBe(true);
    }));

  it('replaces what a killed run left, but not what another mirror is making', () =>
    withImage(300 * KiB, async (folder, image) => {
      const unfinished = join(folder, 'copy.img.mirrordisk-partial');
      await writeFile(unfinished, 'left over');
      await using disk = await openDisk(image);
      const mirror = await disk.mirror(join(folder, 'copy.img'), { speed: 64 * KiB });
      await using other = await openDisk({ driver: 'memory', size: 300 * KiB });
      await expect(other.mirror(join(folder, 'copy.img'))).rejects.toThrow(
        'another mirror is making it',
      );
      mirror.setSpeed(0);
      await mirror.ready;
      await mirror.cancel();
      expect(same(await bytesOf(join(folder, 'copy.img')), await bytesOf(image))).toBe(true);
    }));

  it('fails without harm when its name is taken before both have met', () =>
    withImage(300 * KiB, async (folder, image) => {
      await using disk = await openDisk(image);
      const mirror = await disk.mirror(join(folder, 'copy.img'), { speed: 64 * KiB });
      await writeFile(join(folder, 'copy.img'), 'mine');
      mirror.setSpeed(0);
      expect(await mirror.finished).toMatchObject({ status: 'failed', error: { code: 'EEXIST' } });
      expect(await readFile(join(folder, 'copy.img'), 'utf8')).toBe('mine');
      expect((await readdir(folder)).sort()).toEqual(['copy.img', 'disk.img']);
    }));

  it('keeps a sparse disk sparse', () =>
    withFolder(async (folder) => {
      const image = join(folder, 'disk.img');
      await writeFile(image, pattern(4096));
      await truncate(image, 64 * 1024 * KiB);
      await using disk = await openDisk(image);
      const mirror = await disk.mirror(join(folder, 'copy.img'));
      await mirror.ready;
      await mirror.cancel();
      expect((await stat(join(folder, 'copy.img'))).blocks * 512).toBeLessThanOrEqual(64 * KiB);
      expect(same(await bytesOf(join(folder, 'copy.img')), await bytesOf(image))).toBe(true);
    }));
});

describe('a mirror', () => {
  const memory = (size: number) => ({ driver: 'memory', size }) as const;

  it('gives its events from the start, whenever one begins to listen', async () => {
    await using disk = await openDisk(memory(64 * KiB));
    const mirror = await disk.mirror(memory(64 * KiB));
    await mirror.ready;
    await mirror.cancel();
    const told: string[] = [];
    for await (const { event, data, timestamp } of mirror.events()) {
      told.push(event === 'JOB_STATUS_CHANGE' ? data.status : event);
      expect(timestamp.seconds).toBeGreaterThan(1_600_000_000);
      expect(timestamp.microseconds).toBeLessThan(1_000_000);
    }
    const end = ['waiting', 'pending', 'BLOCK_JOB_COMPLETED', 'concluded', 'null'];
    expect(told).toEqual(['created', 'running', 'ready', 'BLOCK_JOB_READY', ...end]);
  });

  it('gives progress until it is over, ending with offset equal to len', async () => {
    await using disk = await openDisk(memory(1024 * KiB));
    await disk.write(0, pattern(256 * KiB));
    const mirror = await disk.mirror(memory(1024 * KiB));
    const seen: { readonly offset: number; readonly len: number }[] = [];
    const watching = (async () => {
      for await (const progress of mirror.watch({ everyMs: 1 })) seen.push(progress);
    })();
    await mirror.ready;
    await mirror.complete();
    await watching;
    const last = seen.at(-1);
    expect(last?.offset).toBe(1024 * KiB);
    expect(last?.len).toBe(last?.offset);
    expect(seen.every(({ offset, len }) => offset <= len)).toBe(true);
  });

  it('refuses to complete before both have met', async () => {
    await using disk = await openDisk(memory(1024 * KiB));
    await disk.write(0, pattern(1024 * KiB));
    const mirror = await disk.mirror(memory(1024 * KiB), { speed: 1024 });
    await expect(mirror.complete()).rejects.toThrow("cannot accept command verb 'complete'");
    await mirror.cancel();
  });

  it('can be paused and resumed', async () => {
    await using disk = await openDisk(memory(64 * KiB));
    const mirror = await disk.mirror(memory(64 * KiB));
    mirror.pause();
    expect(() => mirror.pause()).toThrow('Job is already paused');
    mirror.resume();
    await mirror.ready;
    await mirror.cancel();
  });

  it('refuses wrong options and leaves nothing open', async () => {
    await using disk = await openDisk(memory(64 * KiB));
    const wrong = [{ granularity: 3 }, { bufSize: -1 }, { speed: -5 }, { id: '1x' }];
    for (const options of wrong) {
      await expect(disk.mirror(memory(64 * KiB), options)).rejects.toBeInstanceOf(BlockError);
    }
    const mirror = await disk.mirror(memory(64 * KiB));
    await mirror.cancel({ force: true });
  });

  it('refuses an id that is in use', async () => {
    const machine = new Machine(nodeEnv());
    for (const name of ['a', 'b', 'c', 'd']) {
      await machine.graph.open({ ...memory(4096), 'node-name': name });
    }
    await machine.jobs.startMirror({ id: 'one', source: 'a', target: 'b' });
    const second = { id: 'one', source: 'c', target: 'd' };
    await expect(machine.jobs.startMirror(second)).rejects.toThrow("Job ID 'one' already in use");
    await machine.close();
    expect(machine.graph.nodes).toEqual([]);
  });

  it('is the only one of its disk', async () => {
    await using disk = await openDisk(memory(64 * KiB));
    const mirror = await disk.mirror(memory(64 * KiB));
    await expect(disk.mirror(memory(64 * KiB))).rejects.toMatchObject({ code: 'EBUSY' });
    await mirror.ready;
    await mirror.complete();
    const next = await disk.mirror(memory(64 * KiB));
    await next.cancel({ force: true });
  });
});
