import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { pattern } from '../support/drivers.ts';
import { type FakeIo, type FakeIoOptions, runMain } from '../support/fake-io.ts';
import { hookedFiles } from '../support/hooked-files.ts';
import { readEvents } from '../support/json-lines.ts';
import { withFolder } from '../support/temporary.ts';

// Other tests may keep the machine busy.
vi.setConfig({ testTimeout: 30_000 });

const MiB = 1024 * 1024;

interface Place {
  readonly folder: string;
  readonly source: string;
  readonly target: string;
  /** Runs `mirrordisk mirror SOURCE TARGET ARGS...`. */
  mirror(args: string, options?: FakeIoOptions): ReturnType<typeof runMain>;
}

/** Runs `body` with a source of that many bytes, none of which is zero. */
function withSource(size: number, body: (place: Place) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    const [source, target] = [join(folder, 'disk.img'), join(folder, 'copy.img')];
    await writeFile(source, pattern(size));
    const mirror = (args: string, options?: FakeIoOptions) =>
      runMain(['mirror', source, target, ...args.split(' ')], options);
    await body({ folder, source, target, mirror });
  });
}

function same(left: string, right: string): boolean {
  return Buffer.compare(readFileSync(left), readFileSync(right)) === 0;
}

/** Interrupts once it is told that the mirror pauses. */
function interruptAtPause(line: string, io: FakeIo): void {
  if (line.startsWith('PAUSED')) io.interrupt();
}

/** Files whose target is full until it has refused so many writes. */
function fullFor(count: number): FakeIoOptions {
  let refused = 0;
  const files = hookedFiles(nodeEnv().files, ({ operation, path }) => {
    if (operation !== 'write' || !/copy\.img(\.mirrordisk-partial)?$/.test(path)) return;
    if (refused >= count) return;
    refused += 1;
    throw new BlockError('ENOSPC', `write to "${path}"`, 'No space left on device');
  });
  return { env: { files } };
}

const STOP = '--buf-size 64K --on-target-error enospc --retry-after 0';

describe('mirrordisk mirror that an error pauses', () => {
  it('says so once, tries again until it can go on, and completes', () =>
    withSource(MiB, async ({ source, target, mirror }) => {
      const { exitCode, stdout, stderr } = await mirror(`--then finish ${STOP}`, fullFor(5));
      expect(exitCode).toBe(0);
      expect(stderr.split('\n')).toEqual([
        expect.stringMatching(
          /^PAUSED by an error: Cannot write to ".*": No space left .*; trying again at once$/,
        ),
        'trying again',
        expect.stringMatching(/^READY/),
      ]);
      expect(stdout).toMatch(/^COMPLETED/);
      expect(same(source, target)).toBe(true);
    }));

  it('tells programs of each pause, and why', () =>
    withSource(MiB, async ({ mirror }) => {
      const { exitCode, stdout, stderr } = await mirror(`--json --then finish ${STOP}`, fullFor(2));
      expect([exitCode, stderr]).toEqual([0, '']);
      const events = readEvents(stdout);
      const pauses = events.filter(({ data }) => data['status'] === 'paused');
      expect(pauses).toHaveLength(2);
      for (const { reason } of pauses) expect(reason).toMatch(/^an error: .*No space left/);
      const failed = events.filter(({ event }) => event === 'BLOCK_JOB_ERROR');
      expect(failed.map(({ data }) => data['action'])).toEqual(['stop', 'stop']);
    }));

  it('waits as long as it was told before it tries again', () =>
    withSource(MiB, async ({ mirror }) => {
      const args = `--json --then finish ${STOP.replace('after 0', 'after 0.5')}`;
      const { stdout } = await mirror(args, fullFor(1));
      const times = readEvents(stdout)
        .filter(({ data }) => data['status'] === 'paused' || data['status'] === 'running')
        .map(({ timestamp }) => timestamp.seconds * 1000 + timestamp.microseconds / 1000);
      expect(times).toHaveLength(3);
      expect(Number(times[2]) - Number(times[1])).toBeGreaterThan(490);
    }));

  it('and Ctrl-C ends has lost what was copied', () =>
    withSource(MiB, async ({ folder, mirror }) => {
      const process = { ...fullFor(Infinity), onLine: interruptAtPause };
      const { exitCode, stderr } = await mirror(STOP.replace('after 0', 'after 60'), process);
      expect([exitCode, stderr]).toEqual([1, expect.stringContaining('leaving the copy as it is')]);
      expect(readdirSync(folder)).toEqual(['disk.img']);
    }));

  it('and Ctrl-C ends goes on later, if it is persistent', () =>
    withSource(MiB, async ({ source, target, mirror }) => {
      const args = `--persist --guest random ${STOP.replace('after 0', 'after 60')}`;
      const { exitCode, stdout } = await mirror(args, {
        ...fullFor(Infinity),
        onLine: interruptAtPause,
      });
      expect([exitCode, stdout]).toEqual([1, expect.stringMatching(/^kept: /m)]);
      const again = await mirror('--persist --then finish');
      expect(again).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^proved/m) });
      expect(again.stderr).toMatch(/^resumed: 1 MiB of 1 MiB may differ$/m);
      expect(same(source, target)).toBe(true);
    }));
});
