import { statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { openDisk } from '../../src/index.ts';
import { runCli, startCli } from '../support/cli.ts';
import { pattern } from '../support/drivers.ts';
import { runMain } from '../support/fake-io.ts';
import { withFolder } from '../support/temporary.ts';
import { interop, type RunOptions, type Tool } from '../support/tools.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const differs: RunOptions = { exitCodes: [1] };

interface Place {
  readonly source: string;
  readonly target: string;
}

function inFolder(body: (place: Place) => Promise<void>): Promise<void> {
  return withFolder((folder) =>
    body({ source: join(folder, 'disk.img'), target: join(folder, 'copy.img') }),
  );
}

/** Mirrors in this process. @returns The exit code. */
async function mirror({ source, target }: Place, args: string): Promise<number> {
  return (await runMain(['mirror', source, target, ...args.split(' ')])).exitCode;
}

function compare(qemuImg: Tool, { source, target }: Place, options?: RunOptions) {
  return qemuImg(['compare', '-f', 'raw', '-F', 'raw', source, target], options);
}

/** Runs commands of qemu-io, which fails when a pattern is not what it should be. */
async function io(qemuIo: Tool, image: string, ...commands: readonly string[]): Promise<void> {
  const { stdout } = await qemuIo(['-f', 'raw', ...commands.flatMap((c) => ['-c', c]), image]);
  expect(stdout).not.toMatch(/Pattern verification failed|error/i);
}

describe('images made by qemu-img', () => {
  interop('qemu-img', 'qemu-io').it('are mirrored into each other', (qemuImg, qemuIo) =>
    inFolder(async (place) => {
      await qemuImg(['create', '-q', '-f', 'raw', place.source, '8M']);
      await io(qemuIo, place.source, 'write -P 0x5a 0 64k', 'write -P 0xa5 5000k 1k');
      // Its first block is allocated, so it may hold data.
      await qemuImg(['create', '-q', '-f', 'raw', place.target, '8M']);
      expect(await mirror(place, '--then cancel --force')).toBe(0);
      await compare(qemuImg, place);
      const rest = ['read -P 0 64k 4936k', 'read -P 0 5001k 3191k'];
      await io(qemuIo, place.target, 'read -P 0x5a 0 64k', 'read -P 0xa5 5000k 1k', ...rest);
    }),
  );

  interop('qemu-img').it('are taken for data when they are allocated', (qemuImg) =>
    inFolder(async (place) => {
      await writeFile(place.source, pattern(8 * MiB));
      const allocated = ['-o', 'preallocation=full', place.target, '8M'];
      await qemuImg(['create', '-q', '-f', 'raw', ...allocated]);
      expect(await mirror(place, '--then cancel')).toBe(2);
      expect(await mirror(place, '--then cancel --force')).toBe(0);
      await compare(qemuImg, place);
    }),
  );

  interop('qemu-img').it('of odd size are mirrored whole, and stay odd', (qemuImg) =>
    inFolder(async (place) => {
      await writeFile(place.source, pattern(1_000_001));
      const guest = '--guest random --guest-bytes 100K --replicate 0';
      expect(await mirror(place, `--then cancel ${guest}`)).toBe(0);
      await compare(qemuImg, place);
      expect(statSync(place.target).size).toBe(1_000_001);
      const { stdout } = await qemuImg(['info', '--output=json', '-f', 'raw', place.target]);
      expect(JSON.parse(stdout)['virtual-size']).toBe(1_000_448);
    }),
  );

  interop('qemu-img').it('have the numbers that info says', (qemuImg) =>
    inFolder(async ({ source }) => {
      await writeFile(source, pattern(640 * KiB));
      const { stdout } = await qemuImg(['info', '--output=json', '-f', 'raw', source]);
      const [ours] = (await runMain(['info', '--json', source])).io.json;
      const { format, 'virtual-size': size, 'actual-size': storage } = JSON.parse(stdout);
      expect(ours).toMatchObject({ format, 'virtual-size': size, 'actual-size': storage });
    }),
  );

  interop('qemu-img').it('made by create are such', (qemuImg) =>
    inFolder(async ({ source }) => {
      expect((await runMain(['create', source, '3G'])).exitCode).toBe(0);
      const { stdout } = await qemuImg(['info', '--output=json', '-f', 'raw', source]);
      expect(JSON.parse(stdout)).toMatchObject({ 'virtual-size': 3 * 2 ** 30, 'actual-size': 0 });
    }),
  );
});

describe('after a cancel in phase 2', () => {
  interop('qemu-img', 'cmp').it(
    'the copy is the same to qemu-img and cmp, however fast the guest wrote',
    (qemuImg, cmp) =>
      inFolder(async (place) => {
        await writeFile(place.source, pattern(16 * MiB));
        const guest = ['--guest', 'random', '--guest-rate', '0'];
        const cli = startCli(['mirror', place.source, place.target, ...guest, '--progress']);
        await cli.printed(/phase 2 .* [1-9][\d.]* [KM]iB dirty/);
        cli.signal('SIGINT');
        const { exitCode, stdout } = await cli.ended;
        expect([exitCode, stdout]).toEqual([0, expect.stringMatching(/COMPLETED.* the source/)]);
        await compare(qemuImg, place);
        await cmp([place.source, place.target]);
      }),
  );

  interop('qemu-img').it('later writes of the guest are on the source alone', (qemuImg) =>
    inFolder(async (place) => {
      await writeFile(place.source, pattern(MiB));
      await using disk = await openDisk(place.source);
      const job = await disk.mirror(place.target);
      await job.ready;
      await disk.write(4096, new Uint8Array(512).fill(1));
      await job.cancel();
      await compare(qemuImg, place);
      await disk.write(8192, new Uint8Array(512).fill(2));
      await compare(qemuImg, place, differs);
    }),
  );
});

describe('after a complete', () => {
  interop('qemu-img', 'qemu-io').it(
    'later writes of the guest are on the target alone',
    (qemuImg, qemuIo) =>
      inFolder(async (place) => {
        await writeFile(place.source, new Uint8Array(MiB).fill(0x11));
        await using disk = await openDisk(place.source);
        const job = await disk.mirror(place.target);
        await job.ready;
        await disk.write(0, new Uint8Array(4096).fill(0x22));
        await job.complete();
        await compare(qemuImg, place);
        await disk.write(65_536, new Uint8Array(4096).fill(0x33));
        await disk.flush();
        await disk.close();
        await compare(qemuImg, place, differs);
        const before = ['read -P 0x22 0 4k', 'read -P 0x11 4k 60k'];
        await io(qemuIo, place.source, ...before, 'read -P 0x11 64k 960k');
        const after = ['read -P 0x33 64k 4k', 'read -P 0x11 68k 956k'];
        await io(qemuIo, place.target, ...before, ...after);
      }),
  );

  interop('qemu-img').it('the images differ, and the guest knows where', (qemuImg) =>
    inFolder(async (place) => {
      await writeFile(place.source, pattern(16 * MiB));
      const args = '--guest random --then complete --replicate 0'.split(' ');
      const { exitCode, stdout } = await runCli(['mirror', place.source, place.target, ...args]);
      expect([exitCode, stdout]).toEqual([0, expect.stringContaining('after the switch')]);
      await compare(qemuImg, place, differs);
    }),
  );
});
