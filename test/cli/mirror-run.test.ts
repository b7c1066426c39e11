import { existsSync, readdirSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { openDisk } from '../../src/index.ts';
import { pattern } from '../support/drivers.ts';
import { FakeIo, type FakeIoOptions, runMain } from '../support/fake-io.ts';
import { type FileHook, hookedFiles } from '../support/hooked-files.ts';
import { deferred } from '../support/settle.ts';
import { withFolder } from '../support/temporary.ts';

// Other tests may keep the machine busy.
vi.setConfig({ testTimeout: 30_000 });

const MiB = 1024 * 1024;

interface Place {
  readonly folder: string;
  readonly source: string;
  readonly target: string;
  /** Runs `mirrordisk mirror SOURCE TARGET ARGS...`. */
  mirror(args: string, process?: FakeIo | FakeIoOptions): ReturnType<typeof runMain>;
}

/** Runs `body` with a source of that many bytes, none of which is zero. */
function withSource(size: number, body: (place: Place) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    const [source, target] = [join(folder, 'disk.img'), join(folder, 'copy.img')];
    await writeFile(source, pattern(size));
    const mirror = (args: string, process?: FakeIo | FakeIoOptions) =>
      runMain(['mirror', source, target, ...args.split(' ').filter(Boolean)], process);
    await body({ folder, source, target, mirror });
  });
}

function same(left: string, right: string): boolean {
  return Buffer.compare(readFileSync(left), readFileSync(right)) === 0;
}

/** Files of which one hears, in an env of the real world. */
function hooked(hook: FileHook) {
  return { env: { files: hookedFiles(nodeEnv().files, hook) } };
}

function full(path: string): BlockError {
  return new BlockError('ENOSPC', `write to "${path}"`, 'No space left on device');
}

/** Interrupts whenever a line matches. */
function interruptAt(...patterns: readonly RegExp[]) {
  const waiting = [...patterns];
  return (line: string, io: FakeIo) => {
    if (!waiting[0]?.test(line)) return;
    waiting.shift();
    io.interrupt();
  };
}

describe('mirrordisk mirror', () => {
  it('makes the target, copies everything and says what is proved', () =>
    withSource(MiB, async ({ source, target, folder, mirror }) => {
      const { exitCode, stdout, stderr } = await mirror('--then cancel');
      expect(exitCode).toBe(0);
      expect(stderr).toMatch(/^READY: .* met after .* \(1 MiB copied, .*\/s\)$/);
      expect(stdout.split('\n')).toEqual([
        expect.stringMatching(/^COMPLETED after .*: 1 MiB copied, the disk is on the source, /),
        'proved: source and target are identical in all 1048576 bytes',
      ]);
      expect(same(source, target)).toBe(true);
      expect(readdirSync(folder)).toHaveLength(2);
    }));

  it.each([0, 1, 511, 513, 65_537, 1_000_001])('copies all of %d bytes', (size) =>
    withSource(size, async ({ source, target, mirror }) => {
      for (const ending of ['complete', 'cancel']) {
        const { exitCode, stdout } = await mirror(`--then ${ending} --force`);
        expect(exitCode).toBe(0);
        expect(stdout).toMatch(new RegExp(`identical in all ${size} bytes?$`));
        expect(same(source, target)).toBe(true);
      }
    }),
  );

  it('keeps the copy in step with a guest, who stays on the source', () =>
    withSource(MiB, async ({ source, target, mirror }) => {
      const { exitCode, stdout } = await mirror(
        '--guest random --guest-rate 0 --guest-bytes 2M --replicate 0 --then cancel',
      );
      expect(exitCode).toBe(0);
      expect(stdout).toMatch(/^guest: 512 writes, 0 reads, 0 failed; p50 .*, p99 .*$/m);
      expect(stdout).toContain('the guest is on the source');
      expect(stdout).toContain('proved: source and target are identical in all 1048576 bytes');
      expect(stdout).toMatch(/^proved: each of \d+ blocks that the guest wrote is on the target/m);
      expect(same(source, target)).toBe(true);
      expect(Buffer.compare(readFileSync(source), pattern(MiB))).not.toBe(0);
    }));

  it('switches the guest, whose later writes are on the target alone', () =>
    withSource(MiB, async ({ source, target, mirror }) => {
      const { exitCode, stdout } = await mirror(
        '--guest sequential --guest-rate 2000 --guest-seconds 0.4 --replicate 0 --then complete',
      );
      expect(exitCode).toBe(0);
      expect(stdout).toContain('the guest is on the target');
      expect(stdout).toMatch(/differ in \d+ bytes that the guest wrote after the switch, and/);
      expect(same(source, target)).toBe(false);
    }));

  it('compares nothing when told so, or when only a part is copied', () =>
    withSource(MiB, async ({ target, mirror }) => {
      const unasked = await mirror('--then cancel --no-compare');
      expect([unasked.exitCode, unasked.stdout]).toEqual([0, expect.not.stringMatching(/compar/)]);
      const partial = await mirror('--then cancel --sync none --force');
      expect(partial.exitCode).toBe(0);
      expect(partial.stdout).toContain('not compared: only what was written since');
      expect(statSync(target).size).toBe(MiB);
    }));
});

describe('mirrordisk mirror finds the copy wrong', () => {
  it('by one byte that differs', () =>
    withSource(MiB, async ({ mirror }) => {
      const spoil = hooked(({ operation, path, bytes, offset }) => {
        if (operation !== 'write' || offset !== 0 || !path.includes('copy.img')) return;
        if (bytes) bytes[700] = (bytes[700] ?? 0) ^ 1;
      });
      const { exitCode, stdout } = await mirror('--then cancel', spoil);
      expect(exitCode).toBe(1);
      expect(stdout).toContain('WRONG: source and target differ in 512 bytes, first at 512');
      expect(stdout).not.toContain('proved');
    }));

  it('by a write of the guest that is on neither disk', () =>
    withSource(MiB, async ({ mirror }) => {
      let count = 0;
      const forget = hooked(({ operation, path, bytes }) => {
        if (operation !== 'write' || !path.endsWith('disk.img')) return;
        count += 1;
        if (count === 10) bytes?.fill(7);
      });
      const args = '--guest sequential --guest-bytes 128K --replicate 0 --then cancel';
      const { exitCode, stdout } = await mirror(args, forget);
      expect(exitCode).toBe(1);
      expect(stdout).toContain('proved: source and target are identical');
      expect(stdout).toContain('WRONG: of 32 blocks that the guest wrote, 1 are not on the target');
      expect(stdout).toMatch(/^ {2}lost: the block at 36864 must hold write 1/m);
    }));

  it('by a request of the guest that failed', () =>
    withSource(MiB, async ({ mirror }) => {
      const refuse = hooked(({ operation, path, offset }) => {
        if (operation === 'write' && path.endsWith('disk.img') && offset === 8192) throw full(path);
      });
      const args = '--guest sequential --guest-bytes 128K --replicate 0 --then cancel';
      const { exitCode, stdout } = await mirror(args, refuse);
      expect(exitCode).toBe(1);
      expect(stdout).toContain('WRONG: 1 request of the guest failed');
    }));
});

describe('mirrordisk mirror with a target that exists', () => {
  it('does not touch its data, names it, and tells of --force', () =>
    withSource(4096, async ({ target, mirror }) => {
      await writeFile(target, 'x'.repeat(4096));
      const { exitCode, stderr } = await mirror('--then cancel');
      expect(exitCode).toBe(2);
      expect(stderr).toMatch(/^mirrordisk mirror: [^\n]*copy\.img[^\n]* --force [^\n]*$/);
      expect(readFileSync(target, 'utf8')).toBe('x'.repeat(4096));
    }));

  it('writes over its data with --force', () =>
    withSource(4096, async ({ source, target, mirror }) => {
      await writeFile(target, 'x'.repeat(4096));
      expect((await mirror('--then cancel --force')).exitCode).toBe(0);
      expect(same(source, target)).toBe(true);
    }));

  it('takes one that holds nothing', () =>
    withSource(4096, async ({ source, target, mirror }) => {
      await writeFile(target, '');
      truncateSync(target, 4096);
      expect((await mirror('--then cancel')).exitCode).toBe(0);
      expect(same(source, target)).toBe(true);
    }));

  it.each([0, 512, 4095, 8192])('of %d bytes, not 5000, leaves it and says both', (size) =>
    withSource(5000, async ({ source, target, mirror }) => {
      await writeFile(target, 'x'.repeat(size));
      const { exitCode, stderr } = await mirror('--then cancel --force');
      expect(exitCode).toBe(2);
      expect(stderr).toContain(`mirror "${source}" to "${target}": the target has ${size} bytes`);
      expect(readFileSync(target, 'utf8')).toBe('x'.repeat(size));
    }),
  );

  it('leaves it alone when the guest could not be run', () =>
    withSource(4096, async ({ target, mirror }) => {
      await writeFile(target, 'x'.repeat(4096));
      const { exitCode, stderr } = await mirror('--force --guest random --guest-depth 1000');
      expect([exitCode, stderr]).toEqual([2, expect.stringContaining('the queue depth must be')]);
      expect(readFileSync(target, 'utf8')).toBe('x'.repeat(4096));
    }));
});

describe('mirrordisk mirror, interrupted', () => {
  it('in phase 1 cancels, and leaves nothing but the source, free for others', () =>
    withSource(4 * MiB, async ({ source, folder, mirror }) => {
      const onLine = interruptAt(/phase 1/);
      const args = '--speed 1M --guest random --then complete';
      const { exitCode, stdout, stderr, io } = await mirror(args, { onLine, columns: 80 });
      expect(exitCode).toBe(1);
      expect(stderr).toBe('Interrupted: cancelling');
      expect(stdout).toMatch(/^CANCELLED after .*copy\.img is no copy of .*disk\.img$/m);
      expect(readdirSync(folder)).toEqual(['disk.img']);
      expect(io.drawings.at(-1)).toEqual([]);
      expect([io.handlers.size, io.cleaners.size]).toEqual([0, 0]);
      await (await openDisk(source)).close();
    }));

  it('before it has begun cancels as soon as it has', () =>
    withSource(4 * MiB, async ({ folder, mirror }) => {
      const io: FakeIo = new FakeIo(
        hooked(({ operation, path }) => {
          if (operation === 'open' && path.endsWith('disk.img')) io.interrupt();
        }),
      );
      const { exitCode, stdout, stderr } = await mirror('--speed 1M', io);
      expect([exitCode, stderr]).toEqual([1, 'Interrupted: cancelling']);
      expect(stdout).toMatch(/^CANCELLED/);
      expect(readdirSync(folder)).toEqual(['disk.img']);
    }));

  it('in phase 2 lets source and target meet', () =>
    withSource(MiB, async ({ source, target, mirror }) => {
      const onLine = interruptAt(/READY/);
      const { exitCode, stdout, stderr } = await mirror('--guest random', { onLine });
      expect(exitCode).toBe(0);
      expect(stderr).toMatch(/^Interrupted: finishing the copy; once more leaves it as it is$/m);
      expect(stdout).toContain('COMPLETED');
      expect(same(source, target)).toBe(true);
    }));

  it('in phase 2 does not switch the guest, which is an answer of no to --then complete', () =>
    withSource(MiB, async ({ source, target, mirror }) => {
      const onLine = interruptAt(/READY/);
      const { exitCode, stdout } = await mirror('--guest random --then complete', { onLine });
      expect(exitCode).toBe(1);
      expect(stdout).toContain('the guest is on the source');
      expect(same(source, target)).toBe(true);
    }));

  it('twice leaves without source and target having met', () =>
    withSource(MiB, async ({ mirror }) => {
      const gate = deferred();
      let isReady = false;
      const hold = hooked(({ operation, path }) => {
        if (isReady && operation === 'write' && path.includes('copy.img')) return gate.promise;
        return undefined;
      });
      const onLine = (line: string, io: FakeIo) => {
        if (line.startsWith('READY')) isReady = true;
        if (/phase 2 .* [1-9][\d.]* [KM]iB dirty/.test(line)) io.interrupt();
        if (line.includes('once more ends at once')) gate.resolve();
      };
      const process = { ...hold, onLine, columns: 120 };
      const { exitCode, stdout, stderr } = await mirror('--guest random', process);
      expect(exitCode).toBe(1);
      expect(stderr).toContain('Interrupted: leaving the copy as it is; once more ends at once');
      expect(stdout).toMatch(/^CANCELLED/m);
    }));

  it('while it compares leaves out the rest, which is no proof', () =>
    withSource(8 * MiB, async ({ mirror }) => {
      const onLine = interruptAt(/^comparing/);
      const { exitCode, stdout, stderr } = await mirror('--then cancel', { onLine, columns: 80 });
      expect(exitCode).toBe(1);
      expect(stderr).toContain('Interrupted: leaving out the rest of the comparison');
      expect(stdout).toMatch(/COMPLETED.*\nnot compared: interrupted before all of it was$/);
    }));

  it('when its output is lost says nothing more of it', () =>
    withSource(4 * MiB, async ({ folder, mirror }) => {
      const onLine = (line: string, io: FakeIo) => {
        if (line.includes('"running"')) io.interrupt('lost output');
      };
      const { exitCode, stderr } = await mirror('--speed 1M --json', { onLine });
      expect([exitCode, stderr]).toEqual([1, '']);
      expect(readdirSync(folder)).toEqual(['disk.img']);
    }));
});

describe('mirrordisk mirror that fails', () => {
  it('because the disk is full leaves nothing, and says what could not be written', () =>
    withSource(MiB, async ({ folder, mirror }) => {
      const fill = hooked(({ operation, offset, path }) => {
        if (operation === 'write' && offset > 0 && path.includes('copy.img')) throw full(path);
      });
      const { exitCode, stdout, stderr } = await mirror('--guest random', fill);
      expect(exitCode).toBe(2);
      expect(stderr).toMatch(/^mirrordisk mirror: Cannot write to ".*copy\.img[^\n]*": No space/);
      expect(stdout).not.toMatch(/COMPLETED|CANCELLED|proved/);
      expect(readdirSync(folder)).toEqual(['disk.img']);
    }));

  it('in the comparison has said before what was done', () =>
    withSource(MiB, async ({ source, target, mirror }) => {
      const refuse = hooked(({ operation, path }) => {
        if (operation === 'open' && path === target) throw full(path);
      });
      const { exitCode, stdout, stderr } = await mirror('--then cancel', refuse);
      expect(exitCode).toBe(2);
      expect(stdout).toMatch(/^COMPLETED [^\n]*$/);
      expect(stderr.split('\n').at(-1)).toMatch(/^mirrordisk mirror: /);
      expect(same(source, target)).toBe(true);
    }));

  it('because the guest fits no disk so small leaves nothing', () =>
    withSource(512, async ({ target, mirror }) => {
      const { exitCode, stderr } = await mirror('--guest random');
      expect([exitCode, stderr]).toEqual([2, expect.stringContaining('a block of 4096 bytes')]);
      expect(existsSync(target)).toBe(false);
    }));
});
