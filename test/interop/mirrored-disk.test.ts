import { createReadStream, readFileSync, statSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createGunzip } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isZero } from '../../src/base/zeroes.ts';
import { runMain } from '../support/fake-io.ts';
import { interop, type Tool } from '../support/tools.ts';

const FIXTURE = fileURLToPath(new URL('../../fixtures/disk.img.gz', import.meta.url));
const MiB = 1024 * 1024;
/** Where the filesystem is on the disk. */
const OFFSET = 1048576;
/** Where a guest may write; `fixtures/README.md` has the map. */
const FREE_AREA = '65M+34M';

let folder = '';
let [source, target] = ['', ''];

/** A disk as an installer left it, mirrored while a guest wrote to its free area. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mirrordisk-test-'));
  [source, target] = [join(folder, 'disk.img'), join(folder, 'copy.img')];
  await unpack(FIXTURE, source);
  const guest = `--guest random --guest-area ${FREE_AREA} --guest-rate 2000`;
  const args = `${guest} --then cancel --replicate 0.5`.split(' ');
  const { exitCode, stderr } = await runMain(['mirror', source, target, ...args]);
  expect([exitCode, stderr]).toEqual([0, expect.stringMatching(/^READY/)]);
}, 60_000);

afterAll(() => rm(folder, { recursive: true }));

/** Unpacks an image, leaving holes where it is zero. */
async function unpack(from: string, to: string): Promise<void> {
  const image = await open(to, 'wx');
  let size = 0;
  for await (const chunk of createReadStream(from).pipe(createGunzip({ chunkSize: 4096 }))) {
    if (!isZero(chunk)) await image.write(chunk, 0, chunk.length, size);
    size += chunk.length;
  }
  await image.truncate(size);
  await image.close();
}

interface Extent {
  readonly start: number;
  readonly length: number;
  readonly data: boolean;
}

/** How many bytes before the guest's area qemu-img finds to be data, and no holes. */
async function dataOf(qemuImg: Tool, image: string): Promise<number> {
  const { stdout } = await qemuImg(['map', '-f', 'raw', '--output=json', image]);
  const extents: readonly Extent[] = JSON.parse(stdout);
  const found = extents.filter(({ start, data }) => data && start < 65 * MiB);
  return found.reduce((sum, { length }) => sum + length, 0);
}

describe('a real disk, mirrored under a guest', () => {
  const raw = ['-f', 'raw', '-F', 'raw'];

  interop('qemu-img', 'cmp').it('is the same to qemu-img and to cmp', async (qemuImg, cmp) => {
    const { stdout } = await qemuImg(['compare', ...raw, source, target]);
    expect(stdout).toContain('Images are identical.');
    await cmp([source, target]);
  });

  interop('qemu-img', 'cmp').it(
    'is not the same to them, nor to us, once one byte is another',
    async (qemuImg, cmp) => {
      const spoilt = join(folder, 'spoilt.img');
      await copyFile(target, spoilt);
      const file = await open(spoilt, 'r+');
      await file.write(new Uint8Array([1]), 0, 1, 99 * MiB + 5);
      await file.close();
      await qemuImg(['compare', ...raw, source, spoilt], { exitCodes: [1] });
      await cmp([source, spoilt], { exitCodes: [1] });
      const { exitCode, stdout } = await runMain(['compare', source, spoilt]);
      expect([exitCode, stdout]).toEqual([1, 'The images differ in 512 bytes at 103809024']);
      await rm(spoilt);
    },
  );

  it('holds what the guest wrote in its area, and the fixture everywhere else', async () => {
    const original = join(folder, 'original.img');
    await unpack(FIXTURE, original);
    const { exitCode, io } = await runMain(['compare', '--list', '--json', original, target]);
    const ranges = io.json as { readonly offset: number; readonly length: number }[];
    expect([exitCode, ranges.length > 100]).toEqual([1, true]);
    for (const { offset, length } of ranges) {
      expect(offset).toBeGreaterThanOrEqual(65 * MiB);
      expect(offset + length).toBeLessThanOrEqual(99 * MiB);
    }
    await rm(original);
  });

  interop('e2fsck').it('has a filesystem that e2fsck finds clean', async (e2fsck) => {
    const { stdout } = await e2fsck(['-fn', `${target}?offset=${OFFSET}`]);
    expect(stdout).toMatch(/^root: 903\/4096 files .*, 4186\/16384 blocks$/m);
  });

  interop('sfdisk').it('has a partition table that sfdisk finds right', async (sfdisk) => {
    expect((await sfdisk(['--verify', target])).stdout).toContain('No errors detected.');
  });

  interop('debugfs', 'sha256sum').it(
    'gives back every file as it was',
    async (debugfs, sha256sum) => {
      const tree = join(folder, 'tree');
      const read = (command: string) =>
        debugfs(['-R', command, `${target}?offset=${OFFSET}`], { cwd: tree });
      await mkdir(join(tree, 'srv/sparse'), { recursive: true });
      await read('rdump /bin /etc /home /odd /usr /var .');
      await read('rdump /srv/sizes srv');
      await read('dump /srv/sparse/written-zeroes srv/sparse/written-zeroes');
      // The other two are nearly all hole, and more than a gigabyte to whoever reads them.
      await read('dump /manifest.sha256 manifest');
      const manifest = join(tree, 'manifest');
      const lines = readFileSync(manifest, 'latin1').split('\n');
      const others = lines.filter((line) => !/srv\/sparse\/[^w]/.test(line));
      expect(others.length).toBe(lines.length - 2);
      await writeFile(manifest, others.join('\n'), 'latin1');
      await sha256sum(['--quiet', '--check', 'manifest'], { cwd: tree });
    },
  );

  interop('qemu-img').it('is as sparse as it was', async (qemuImg) => {
    const [before, after] = [await dataOf(qemuImg, source), await dataOf(qemuImg, target)];
    expect(after).toBeGreaterThan(10 * MiB);
    expect(after).toBeLessThan(1.1 * before);
    expect(statSync(target).blocks * 512).toBeLessThan(after + 35 * MiB);
  });

  interop('qemu-img').it('is so also where a disk full of data was', async (qemuImg) => {
    const full = join(folder, 'full.img');
    await writeFile(full, new Uint8Array(100 * MiB).fill(0xff));
    const { exitCode } = await runMain(['mirror', source, full, '--force', '--then', 'cancel']);
    expect(exitCode).toBe(0);
    await qemuImg(['compare', ...raw, source, full]);
    expect(await dataOf(qemuImg, full)).toBeLessThan(1.1 * (await dataOf(qemuImg, source)));
    await rm(full);
  });
});
