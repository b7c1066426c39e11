import { readdirSync, writeFileSync } from 'node:fs';
import { link, mkdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, vi } from 'vitest';
import { nodeEnv } from '../../../src/env/node.ts';
import { openDisk } from '../../../src/index.ts';
import { pattern } from '../../support/drivers.ts';
import { runMain } from '../../support/fake-io.ts';
import { hookedFiles } from '../../support/hooked-files.ts';
import { whyNotDirect, withFolder } from '../../support/temporary.ts';

const noDirect = await whyNotDirect();

// Other tests may keep the machine busy.
vi.setConfig({ testTimeout: 30_000 });

/** Runs `body` in a folder with an image `disk.img` of 64 KiB. */
function withImage(body: (folder: string, image: string) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    const image = join(folder, 'disk.img');
    writeFileSync(image, pattern(65_536));
    await body(folder, image);
  });
}

describe('the options of mirrordisk mirror', () => {
  it.each([
    ['--then stop', '--then must be switch, finish, complete or cancel: "stop"'],
    ['--then', '--then needs a value'],
    ['--sync half', '--sync must be full or none: "half"'],
    ['--speed -1', '--speed: Cannot read a size: it must be a whole number of bytes'],
    ['--speed fast', '--speed: Cannot read a size'],
    ['--granularity x', '--granularity: Cannot read a size'],
    ['--buf-size -4K', '--buf-size: Cannot read a size'],
    ['--replicate 5', '--replicate needs a --then'],
    ['--then cancel --replicate -5', '--replicate must be a number from 0 to 2000000: "-5"'],
    ['--then cancel --replicate 3000000', '--replicate must be a number from 0 to 2000000'],
    ['--guest all', '--guest must be none, random, sequential or zipf: "all"'],
    ['--guest-rate 5', '--guest-rate needs a --guest'],
    ['--seed 5', '--seed needs a --guest'],
    ['--guest zipf --guest-rate -1', '--guest-rate must be a number from 0 on: "-1"'],
    ['--guest zipf --guest-rate 0.0001', '--guest-rate must be 0 or at least 0.001: "0.0001"'],
    ['--guest zipf --guest-reads 101', '--guest-reads must be a number from 0 to 100: "101"'],
    ['--guest zipf --guest-depth 1.5', '--guest-depth must be a whole number from 0 on: "1.5"'],
    ['--guest zipf --guest-seconds 1e3', '--guest-seconds must be a number from 0 to 2000000'],
    ['--guest zipf --guest-area 5', '--guest-area must be OFFSET+LENGTH, such as 64M+32M: "5"'],
    ['--guest zipf --guest-area 1+2+3', '--guest-area must be OFFSET+LENGTH'],
    ['--guest zipf --guest-area 1+x', '--guest-area: Cannot read a size'],
    ['--guest zipf --seed -1', '--seed must be a whole number from 0 on: "-1"'],
    ['--copy-mode active', '--copy-mode must be background, write-blocking or adaptive: "active"'],
    ['--speed 1M --limits all', '--limits must be initial-copy or everything: "all"'],
    ['--limits everything', '--limits needs a --speed'],
    ['--latency-budget 5', '--latency-budget needs --copy-mode write-blocking or adaptive'],
    ['--copy-mode background --latency-budget 5', '--latency-budget needs --copy-mode'],
    ['--copy-mode adaptive --latency-budget 0', '--latency-budget must be above 0: "0"'],
    ['--copy-mode adaptive --latency-budget -1', '--latency-budget must be a number from 0 on'],
    [
      '--on-source-error no',
      '--on-source-error must be report, ignore, enospc, stop or auto: "no"',
    ],
    [
      '--on-target-error no',
      '--on-target-error must be report, ignore, enospc, stop or auto: "no"',
    ],
    ['--retry-after 5', '--retry-after needs an --on-source-error or --on-target-error of stop'],
    ['--on-target-error ignore --retry-after 5', '--retry-after needs an --on-source-error or'],
    ['--on-target-error stop --retry-after soon', '--retry-after must be a number from 0 to 20'],
    ['--persist --sync none', '--persist needs --sync full'],
    ['--json=yes', "Option '--json' does not take an argument"],
    ['third', 'It takes a source and a target, and was given "disk.img" "copy.img" "third"'],
  ])('%s is refused, in one line', async (args, message) => {
    const words = ['mirror', 'disk.img', 'copy.img', ...args.split(' ')];
    const { exitCode, stdout, stderr } = await runMain(words);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toContain(`mirrordisk mirror: ${message}`);
    expect(stderr).toMatch(/^[^\n]*"mirrordisk mirror --help" explains the options$/);
  });

  it.each([
    ['--granularity 3', 'granularity'],
    ['--granularity 128M', 'granularity'],
    ['--guest random --guest-block-size 3', 'the block size must be a multiple of 512'],
    ['--guest random --guest-block-size 0', 'the block size must be a multiple of 512'],
    ['--guest random --guest-depth 0', 'the queue depth must be from 1 to 256: 0'],
    ['--guest random --guest-area 1+1', 'the area must be sectors: 1+1'],
    ['--guest random --guest-area 0+1G', 'the area must lie within 65536 bytes'],
  ])('%s is refused and leaves nothing', (args, message) =>
    withImage(async (folder, image) => {
      const words = ['mirror', image, join(folder, 'copy.img'), ...args.split(' ')];
      const { exitCode, stdout, stderr } = await runMain(words);
      expect([exitCode, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(/^mirrordisk mirror: [^\n]*$/);
      expect(stderr).toContain(message);
      expect(readdirSync(folder)).toEqual(['disk.img']);
    }),
  );

  it.each([
    '--granularity 512 --buf-size 1',
    '--granularity 64M --buf-size 100G',
    '--granularity 0 --buf-size 0 --speed 0',
    '--speed 100M',
    '--speed 100M --limits everything',
    '--copy-mode write-blocking --latency-budget 0.5 --guest random --guest-bytes 64K',
    '--copy-mode adaptive --guest random --guest-bytes 64K',
    '--on-source-error enospc --on-target-error auto --retry-after 0',
    '--on-source-error ignore --on-target-error ignore',
    '--persist --force',
    '--persist --sync full',
    '--guest zipf --guest-reads 50 --guest-rate 0 --guest-bytes 1M --replicate 0',
    '--guest random --guest-area 4K+8K --guest-seconds 0.1 --replicate 0 --seed 0',
    '--guest random --guest-rate 999999999999 --guest-bytes 100K --replicate 0',
  ])('%s is as good as any', (args) =>
    withImage(async (folder, image) => {
      const target = join(folder, 'copy.img');
      const words = ['mirror', image, target, '--then', 'cancel', ...args.split(' ')];
      const { exitCode } = await runMain(words);
      expect(exitCode).toBe(0);
      expect(Buffer.compare(await readFile(target), await readFile(image))).toBe(0);
    }),
  );

  it.skipIf(noDirect)('go past the page cache with --direct, on both sides', () =>
    withImage(async (folder, image) => {
      const opened = new Set<string>();
      const files = hookedFiles(nodeEnv().files, ({ operation, path, direct }) => {
        if (operation === 'write' || operation === 'read') opened.add(`${path} ${direct}`);
      });
      const target = join(folder, 'copy.img');
      const words = ['mirror', image, target, '--direct', '--then', 'cancel', '--no-compare'];
      expect((await runMain(words, { env: { files } })).exitCode).toBe(0);
      expect([...opened].sort()).toEqual([`${target}.mirrordisk-partial true`, `${image} true`]);
      expect(Buffer.compare(await readFile(target), pattern(65_536))).toBe(0);
    }),
  );

  it('leave no journal once the copy is complete', () =>
    withImage(async (folder, image) => {
      const words = ['mirror', image, join(folder, 'copy.img'), '--then', 'finish', '--persist'];
      expect((await runMain(words)).exitCode).toBe(0);
      expect(readdirSync(folder).sort()).toEqual(['copy.img', 'disk.img']);
    }));

  it('keep the guest within its area', () =>
    withImage(async (folder, image) => {
      const args = '--guest random --guest-area 4K+8K --guest-bytes 100K --then cancel';
      const words = ['mirror', image, join(folder, 'copy.img'), ...args.split(' ')];
      expect((await runMain(words)).exitCode).toBe(0);
      const bytes = await readFile(image);
      const changed = bytes.subarray(4096, 12_288);
      expect(Buffer.compare(changed, pattern(65_536).subarray(4096, 12_288))).not.toBe(0);
      bytes.set(pattern(65_536).subarray(4096, 12_288), 4096);
      expect(Buffer.compare(bytes, pattern(65_536))).toBe(0);
    }));
});

describe('the source and the target of mirrordisk mirror', () => {
  it.each([
    ['missing.img', 'copy.img', '"FOLDER/missing.img": No such file or directory'],
    ['missing.gz', 'copy.img', 'Cannot unpack "FOLDER/missing.gz": No such file or directory'],
    ['.', 'copy.img', '"FOLDER": Is a directory'],
    ['disk.img', '.', '"FOLDER": it is a directory'],
    ['disk.img', 'none/copy.img', 'there is no folder "FOLDER/none"'],
    ['disk.img', 'disk.img', '"FOLDER/disk.img": source and target are the same file'],
    ['disk.img', 'hard.img', '"FOLDER/hard.img": source and target are the same file'],
    ['disk.img', 'soft.img', '"FOLDER/soft.img": source and target are the same file'],
    ['soft.img', 'hard.img', '"FOLDER/hard.img": source and target are the same file'],
    ['disk.img', 'folder/../disk.img', 'source and target are the same file'],
    ['/dev/null', 'copy.img', '"/dev/null": it is neither a regular file nor a block device'],
    ['disk.img', '/dev/null', '"/dev/null": the target is neither a regular file nor a block'],
  ])('%s and %s are refused, by name, and left alone', (from, to, message) =>
    withImage(async (folder, image) => {
      await link(image, join(folder, 'hard.img'));
      await symlink(image, join(folder, 'soft.img'));
      await mkdir(join(folder, 'folder'));
      const names = readdirSync(folder);
      const place = (name: string) => (name.startsWith('/') ? name : `${folder}/${name}`);
      const paths = [place(from), place(to)].map((path) => path.replace(/\/\.$/, ''));
      const { exitCode, stdout, stderr } = await runMain(['mirror', ...paths, '--force']);
      expect([exitCode, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(/^mirrordisk mirror: [^\n]*$/);
      expect(stderr).toContain(message.replaceAll('FOLDER', folder));
      expect(readdirSync(folder)).toEqual(names);
      expect(Buffer.compare(await readFile(image), pattern(65_536))).toBe(0);
    }),
  );

  it.each(['disk.img', 'copy.img'])('%s in use by another is refused, by name', (name) =>
    withImage(async (folder, image) => {
      const target = join(folder, 'copy.img');
      writeFileSync(target, new Uint8Array(65_536));
      await using _ = await openDisk(join(folder, name));
      const { exitCode, stderr } = await runMain(['mirror', image, target, '--force']);
      const message = `Cannot open "${join(folder, name)}": it is in use`;
      expect([exitCode, stderr]).toEqual([2, expect.stringContaining(message)]);
    }),
  );

  it('compressed cannot be gone on from, for it is unpacked anew', () =>
    withImage(async (folder) => {
      const packed = join(folder, 'disk.img.gz');
      writeFileSync(packed, gzipSync(pattern(65_536)));
      const words = ['mirror', packed, join(folder, 'copy.img'), '--persist'];
      const { exitCode, stdout, stderr } = await runMain(words);
      expect([exitCode, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(/^mirrordisk mirror: --persist cannot go on with a SOURCE that .*$/);
      expect(readdirSync(folder).sort()).toEqual(['disk.img', 'disk.img.gz']);
    }));

  it('compressed is unpacked for the time being, and called by its own name', () =>
    withImage(async (folder) => {
      const [packed, target] = [join(folder, 'disk.img.gz'), join(folder, 'copy.img')];
      writeFileSync(packed, gzipSync(pattern(65_536)));
      const args = '--then cancel --guest random --guest-area 0+4K --guest-bytes 4K';
      const { exitCode, stdout } = await runMain(['mirror', packed, target, ...args.split(' ')]);
      expect(exitCode).toBe(0);
      expect(stdout).toContain(`the guest is on the source, ${packed} (unpacked)`);
      const copied = await readFile(target);
      expect(Buffer.compare(copied.subarray(4096), pattern(65_536).subarray(4096))).toBe(0);
      expect(Buffer.compare(copied, pattern(65_536))).not.toBe(0);
    }));
});
