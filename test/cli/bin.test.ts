import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { blockBuffer, GuestContent } from '../../src/workload/content.ts';
import { runCli, startCli } from '../support/cli.ts';
import { pattern } from '../support/drivers.ts';
import { readEvents, wordsOf } from '../support/json-lines.ts';
import { Screen } from '../support/screen.ts';
import { withFolder } from '../support/temporary.ts';
import { findTool } from '../support/tools.ts';

// A process takes a second on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const MiB = 1024 * 1024;
const BLOCK = 4096;
const PROGRAM = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url));

interface Place {
  readonly folder: string;
  readonly source: string;
  readonly target: string;
}

/** Runs `body` with a source of that many bytes, none of which is zero. */
function withSource(size: number, body: (place: Place) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    const [source, target] = [join(folder, 'disk.img'), join(folder, 'copy.img')];
    await writeFile(source, pattern(size));
    await body({ folder, source, target });
  });
}

function same(left: string, right: string): boolean {
  return Buffer.compare(readFileSync(left), readFileSync(right)) === 0;
}

describe('the program', () => {
  it('ends by itself as soon as it is done, with the exit code of its command', () =>
    withSource(MiB, async ({ source, target }) => {
      const args = [source, target];
      expect(await runCli(['mirror', ...args, '--then', 'cancel'])).toMatchObject({ exitCode: 0 });
      expect(await runCli(['compare', ...args])).toMatchObject({ exitCode: 0, stderr: '' });
      await writeFile(target, pattern(MiB).fill(0, 70, 80));
      expect(await runCli(['compare', ...args])).toMatchObject({ exitCode: 1, stderr: '' });
      expect(await runCli(['mirror', ...args])).toMatchObject({ exitCode: 2, stdout: '' });
      expect(await runCli([])).toMatchObject({ exitCode: 2, stdout: '' });
    }));

  it('writes nothing to standard output but JSON, when asked for it', () =>
    withSource(4 * MiB, async ({ source, target }) => {
      const args = '--json --progress --guest random --replicate 0 --then complete';
      const { exitCode, stdout, stderr } = await runCli([
        'mirror',
        source,
        target,
        ...args.split(' '),
      ]);
      expect([exitCode, stderr]).toEqual([0, '']);
      const events = readEvents(stdout);
      expect(wordsOf(events).slice(0, 4)).toEqual([
        'created',
        'running',
        'ready',
        'BLOCK_JOB_READY',
      ]);
      expect(events.filter(({ event }) => event === 'MIRROR_PROGRESS').length).toBeGreaterThan(1);
      expect(events.at(-1)).toMatchObject({ event: 'MIRROR_SUMMARY', data: { switched: true } });
    }));
});

/** Whether each block is as it was, or as one write of the guest made it. */
function isWrittenByGuest(bytes: Uint8Array, writesMax: number): boolean {
  const content = new GuestContent({ seed: 1, blockSize: BLOCK });
  const [expected, original] = [blockBuffer(BLOCK), pattern(bytes.length)];
  for (let at = 0; at < bytes.length; at += BLOCK) {
    const block = bytes.subarray(at, at + BLOCK);
    let isKnown = Buffer.compare(block, original.subarray(at, at + BLOCK)) === 0;
    for (let sequence = 1; sequence <= writesMax && !isKnown; sequence += 1) {
      content.write(expected, at, sequence);
      isKnown = Buffer.compare(block, expected.bytes) === 0;
    }
    if (!isKnown) return false;
  }
  return true;
}

describe('after SIGKILL', () => {
  it.each([
    { when: 'in phase 1', moment: /"status":"running"/, args: '--speed 2M' },
    { when: 'in phase 1, later', moment: /"phase":1,"offset":[1-9]/, args: '--speed 2M' },
    { when: 'at READY', moment: /"status":"ready"/, args: '' },
    { when: 'in phase 2', moment: /"phase":2/, args: '' },
    { when: 'at the switch', moment: /"status":"pending"/, args: '--then complete --replicate 0' },
    { when: 'after the end', moment: /"status":"null"/, args: '--then cancel --replicate 0' },
  ])('$when: the source is as the guest left it, and the next run works', ({ moment, args }) =>
    withSource(4 * MiB, async ({ folder, source, target }) => {
      const guest = '--guest sequential --guest-rate 500 --json --no-compare';
      const words = [...guest.split(' '), ...args.split(' ').filter(Boolean)];
      const cli = startCli(['mirror', source, target, ...words]);
      await cli.printed(moment);
      cli.signal('SIGKILL');
      expect(await cli.ended).toMatchObject({ signal: 'SIGKILL' });
      expect(isWrittenByGuest(readFileSync(source), 10)).toBe(true);
      expect((await runCli(['info', source])).stdout).toContain('in use: no');
      // Killed while the target got its name, which takes two steps, it may have two.
      const both = existsSync(target) ? 'copy.img.mirrordisk-partial' : '';
      const force = existsSync(target) ? ['--force'] : [];
      const again = ['mirror', source, target, '--then', 'cancel', ...force];
      expect(await runCli(again)).toMatchObject({ exitCode: 0 });
      expect(same(source, target)).toBe(true);
      const names = readdirSync(folder).filter((name) => name !== both);
      expect(names.sort()).toEqual(['copy.img', 'disk.img']);
    }),
  );
});

const script = findTool('script');

describe.skipIf(!script)('on a real terminal', () => {
  it.each([100, 40, 20])('of %d columns nothing is left but what it has to say', (columns) =>
    withSource(2 * MiB, async ({ source, target }) => {
      const args = '--speed 4M --guest random --guest-area 0+64K --then cancel --replicate 0.5';
      const program = `'${process.execPath}' '${PROGRAM}' mirror '${source}' '${target}' ${args}`;
      const line = `stty cols ${columns} rows 20; ${program}`;
      const typed = await script?.(['-qec', line, '/dev/null'], { exitCodes: [0] });
      const output = typed?.stdout ?? '';
      expect(output).toMatch(/phase 1 .*phase 2 .*comparing/s);
      const screen = new Screen(columns);
      screen.write(output);
      const text = screen.lines.join('');
      expect(text).not.toMatch(/phase \d|dirty|IOPS|comparing/);
      expect(text).toMatch(/^READY: .*guest: .*COMPLETED after .*proved: .*proved: /);
    }),
  );
});
