import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { pattern } from '../support/drivers.ts';
import { type FakeIo, type FakeIoOptions, runMain } from '../support/fake-io.ts';
import { hookedFiles } from '../support/hooked-files.ts';
import { readEvents, wordsOf } from '../support/json-lines.ts';
import { withFolder } from '../support/temporary.ts';

// Other tests may keep the machine busy.
vi.setConfig({ testTimeout: 30_000 });

const MiB = 1024 * 1024;

/** Mirrors a source of that many bytes. @returns What was said. */
function mirror(size: number, args: string, options?: FakeIoOptions) {
  return withFolder(async (folder) => {
    const source = join(folder, 'disk.img');
    await writeFile(source, pattern(size));
    return runMain(['mirror', source, join(folder, 'copy.img'), ...args.split(' ')], options);
  });
}

/** Interrupts at the first line that matches. */
function interruptAt(pattern: RegExp) {
  return (line: string, io: FakeIo) => {
    if (pattern.test(line)) io.interrupt();
  };
}

const COMPLETED = [
  'created',
  'running',
  'ready',
  'BLOCK_JOB_READY',
  'waiting',
  'pending',
  'BLOCK_JOB_COMPLETED',
  'concluded',
  'null',
];
const CANCELLED = ['created', 'running', 'aborting', 'BLOCK_JOB_CANCELLED', 'concluded', 'null'];

describe('--json', () => {
  it.each(['complete', 'cancel'])('tells of --then %s in the order of QEMU', async (ending) => {
    const { exitCode, stdout, stderr } = await mirror(MiB, `--json --then ${ending}`);
    expect([exitCode, stderr]).toEqual([0, '']);
    const events = readEvents(stdout);
    expect(wordsOf(events)).toEqual(COMPLETED);
    const ready = events.find(({ event }) => event === 'BLOCK_JOB_READY');
    expect(ready?.data).toEqual({
      type: 'mirror',
      device: 'mirror1',
      len: MiB,
      offset: MiB,
      speed: 0,
    });
    expect(events.at(-1)).toMatchObject({
      event: 'MIRROR_SUMMARY',
      data: {
        status: 'completed',
        switched: ending === 'complete',
        offset: MiB,
        'seconds-to-ready': expect.any(Number),
        proof: { holds: true, bytes: MiB, 'bytes-written-after-switch': 0, 'bytes-wrong': 0 },
      },
    });
  });

  it('tells of a cancel in phase 1', async () => {
    const onLine = interruptAt(/"running"/);
    const { exitCode, stdout, stderr } = await mirror(4 * MiB, '--json --speed 1M', { onLine });
    expect([exitCode, stderr]).toEqual([1, 'Interrupted: cancelling']);
    const events = readEvents(stdout);
    expect(wordsOf(events)).toEqual(CANCELLED);
    expect(events.at(-1)?.data).toMatchObject({ status: 'cancelled', 'seconds-to-ready': null });
  });

  it('tells of a job that failed, and of why', async () => {
    const files = hookedFiles(nodeEnv().files, ({ operation, path }) => {
      if (operation !== 'write' || !path.includes('copy.img')) return;
      throw new BlockError('ENOSPC', `write to "${path}"`, 'No space left on device');
    });
    const args = '--json --buf-size 64K --guest random';
    const { exitCode, stdout, stderr } = await mirror(MiB, args, { env: { files } });
    expect(exitCode).toBe(2);
    const events = readEvents(stdout);
    const words = wordsOf(events).filter((word) => word !== 'BLOCK_JOB_ERROR');
    expect(words.slice(2)).toEqual(['aborting', 'BLOCK_JOB_COMPLETED', 'concluded', 'null']);
    expect(events.find(({ event }) => event === 'BLOCK_JOB_ERROR')?.data).toEqual({
      device: 'mirror1',
      operation: 'write',
      action: 'report',
    });
    const completed = events.find(({ event }) => event === 'BLOCK_JOB_COMPLETED');
    expect(completed?.data['error']).toBe('No space left on device');
    const error = expect.stringMatching(/^Cannot write to ".*copy\.img.*": No space left/);
    expect(events.at(-1)?.data).toMatchObject({ status: 'failed', error });
    expect(stderr).toBe(`mirrordisk mirror: ${events.at(-1)?.data['error']}`);
  });

  it('ends with a summary also when nothing could be begun', async () => {
    const { io } = await mirror(MiB, '--json --granularity 3');
    expect(io.json).toHaveLength(1);
    expect(io.json[0]).toMatchObject({ event: 'MIRROR_SUMMARY', data: { status: 'failed' } });
  });

  it('tells what the guest did, and what of it was held against the target', async () => {
    const args = '--json --guest sequential --guest-rate 0 --guest-bytes 64K --then cancel';
    const { exitCode, stdout } = await mirror(MiB, `${args} --replicate 0`);
    expect(exitCode).toBe(0);
    const { data } = readEvents(stdout).at(-1) ?? {};
    expect(data).toMatchObject({ guest: { writes: 16, reads: 0, errors: 0, 'wrong-reads': 0 } });
    expect(data).toMatchObject({ proof: { 'guest-blocks': 16, 'guest-blocks-wrong': 0 } });
  });

  it('tells that phase 2 lasts as long as --replicate says', async () => {
    const { stdout } = await mirror(MiB, '--json --then cancel --replicate 0.4');
    const events = readEvents(stdout);
    const [ready, waiting] = ['ready', 'waiting'].map((status) => {
      const change = events.find(({ data }) => data['status'] === status);
      return Number(change?.timestamp.seconds) + Number(change?.timestamp.microseconds) / 1e6;
    });
    expect(Number(waiting) - Number(ready)).toBeGreaterThan(0.39);
  });

  it('says why there is no proof', async () => {
    const { stdout } = await mirror(MiB, '--json --then cancel --no-compare');
    expect(readEvents(stdout).at(-1)?.data['not-compared']).toBe('unasked');
  });

  it('shows nothing on the terminal while it copies', async () => {
    const { io } = await mirror(MiB, '--json --then cancel --no-compare', { columns: 80 });
    expect(io.drawings.flat()).toEqual([]);
  });
});

describe('on a terminal', () => {
  it('both phases are shown, with the guest, and taken away at the end', async () => {
    const args = '--speed 4M --guest random --guest-area 0+64K --then cancel --replicate 0.3';
    const { io } = await mirror(2 * MiB, args, { columns: 200 });
    const lines = io.drawings.flat();
    const first = lines.filter((line) => line.startsWith('phase 1 ['));
    expect(first.length).toBeGreaterThanOrEqual(2);
    for (const line of first) expect(line).toMatch(/ %.*\/s.* dirty.* IOPS.*p99/);
    expect(lines.some((line) => /^phase 2 .*READY.* dirty.*copied.*IOPS.*p99/.test(line))).toBe(
      true,
    );
    expect(lines.join()).not.toMatch(/100\.0 %.*phase 1|NaN|Infinity|undefined/);
    expect(io.drawings.at(-1)).toEqual([]);
    expect(io.stderr).toEqual([expect.stringMatching(/^READY/)]);
  });

  it.each([20, 40, 80])('of %d columns no line is longer', async (columns) => {
    const args = '--guest random --then cancel --replicate 0 --guest-bytes 400K';
    const { io } = await mirror(MiB, args, { columns });
    const drawn = io.drawings.flat().filter((line) => !line.startsWith('comparing'));
    expect(drawn.length).toBeGreaterThan(0);
    for (const line of drawn) expect(line.length).toBeLessThan(columns);
  });
});

describe('without a terminal', () => {
  it('progress is not written unless asked for', async () => {
    const { stdout, stderr, io } = await mirror(MiB, '--then cancel');
    expect(stdout + stderr).not.toContain('phase');
    expect(io.drawings.flat().filter((line) => line.startsWith('phase'))).toEqual([]);
  });

  it('--progress writes it to standard error, a line at a time', async () => {
    const { stdout, stderr } = await mirror(MiB, '--then cancel --progress');
    expect(stderr).toMatch(/^phase 1 \[.*\] +[\d.]+ % \| .* \| .* dirty \| \w+/m);
    expect(stderr).toMatch(/^phase 2 \[=+\] READY \| 0 B dirty \| /m);
    expect(stdout).not.toContain('phase');
  });
});
