import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, vi } from 'vitest';
import { openDisk } from '../../src/index.ts';
import { runCli, startCli } from '../support/cli.ts';
import { pattern } from '../support/drivers.ts';
import { withFolder } from '../support/temporary.ts';
import { findTool } from '../support/tools.ts';

// A process takes a second on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const MiB = 1024 * 1024;
const PROGRAM = new URL('../../dist/cli/bin.js', import.meta.url).pathname;

/** Has a process run some code before its own, in which `fs` can be changed. @returns Its env. */
function loading(code: string) {
  const load = "import fs from 'node:fs'; import { syncBuiltinESMExports } from 'node:module';";
  const script = encodeURIComponent(`${load} ${code}; syncBuiltinESMExports();`);
  return { NODE_OPTIONS: `--import=data:text/javascript,${script}` };
}

/** After one flush, that of a new file, nothing is ever durable, as on a disk that hangs. */
const HANGING = `const { fdatasync } = fs; let calls = 0;
  fs.fdatasync = (...args) => (++calls === 1 ? fdatasync(...args) : setInterval(() => {}, 1000))`;

/** After one write, that of what is unpacked, none ever ends, be it to the source or the target. */
const DEAD = `const { write, writeSync } = fs; let calls = 0;
  fs.write = (...args) => (++calls === 1 ? write(...args) : setInterval(() => {}, 1000));
  fs.writeSync = (...args) => (++calls === 1 ? writeSync(...args) : 1)`;

interface Place {
  readonly folder: string;
  readonly source: string;
  readonly target: string;
  /** A folder for temporary files. */
  readonly temporary: string;
}

/** Runs `body` with a source of 4 MiB, none of it zero. */
function withSource(body: (place: Place) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    const [source, target] = [join(folder, 'disk.img'), join(folder, 'copy.img')];
    const temporary = join(folder, 'tmp');
    mkdirSync(temporary);
    await writeFile(source, pattern(4 * MiB));
    await body({ folder, source, target, temporary });
  });
}

function same(left: string, right: string): boolean {
  return Buffer.compare(readFileSync(left), readFileSync(right)) === 0;
}

/** Runs a line of bash. @returns What it printed, and last the exit code of its first program. */
async function shell(line: string, { source, target }: Place) {
  const bash = findTool('bash');
  if (!bash) throw new Error('Cannot run a line of shell: there is no bash');
  // What a shell starts outlives the shell that is killed.
  const program = `timeout --signal=KILL 30 '${process.execPath}' '${PROGRAM}'`;
  const run = line.replace('mirrordisk', program);
  return bash(['-c', `SOURCE='${source}' TARGET='${target}'; ${run}; echo "\${PIPESTATUS[0]}"`]);
}

describe('Ctrl-C', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'by %s in phase 1 cancels and leaves nothing',
    (signal) =>
      withSource(async ({ folder, source, target }) => {
        const cli = startCli(['mirror', source, target, '--speed', '1M', '--progress']);
        await cli.printed(/phase 1/);
        cli.signal(signal);
        const { exitCode, stdout, stderr } = await cli.ended;
        expect([exitCode, stdout]).toEqual([1, expect.stringMatching(/^CANCELLED/)]);
        expect(stderr).toMatch(/^Interrupted: cancelling$/m);
        expect(readdirSync(folder).sort()).toEqual(['disk.img', 'tmp']);
      }),
  );

  it('in phase 2 finishes the copy under a guest', () =>
    withSource(async ({ source, target }) => {
      const cli = startCli(['mirror', source, target, '--guest', 'random', '--guest-rate', '0']);
      await cli.printed(/READY/);
      cli.signal('SIGINT');
      const { exitCode, stdout } = await cli.ended;
      expect([exitCode, stdout]).toEqual([0, expect.stringMatching(/^COMPLETED/m)]);
      expect(same(source, target)).toBe(true);
    }));

  it('that comes twice at once, as by npx, counts once', () =>
    withSource(async ({ source, target }) => {
      const cli = startCli(['mirror', source, target, '--guest', 'random']);
      await cli.printed(/READY/);
      for (let count = 0; count < 5; count += 1) cli.signal('SIGINT');
      const { exitCode, signal, stderr } = await cli.ended;
      expect([exitCode, signal]).toEqual([0, null]);
      expect(stderr.match(/Interrupted/g)).toHaveLength(1);
      expect(same(source, target)).toBe(true);
    }));

  it('gives up a target that hangs, and for the second time ends what that leaves', () =>
    withSource(async ({ folder, target, temporary }) => {
      const packed = join(folder, 'packed.img.gz');
      await writeFile(packed, gzipSync(pattern(4096)));
      const cli = startCli(['mirror', packed, target, '--progress'], {
        env: { TMPDIR: temporary, ...loading(HANGING) },
      });
      await cli.printed(/flushing/);
      expect(readdirSync(temporary)).toHaveLength(1);
      cli.signal('SIGINT');
      await cli.printed(/CANCELLED after/);
      cli.signal('SIGINT');
      const { exitCode, signal, stderr } = await cli.ended;
      expect([exitCode, signal]).toEqual([null, 'SIGINT']);
      expect(stderr.match(/Interrupted: .*/g)).toEqual(['Interrupted: cancelling']);
      expect(readdirSync(temporary)).toEqual([]);
    }));

  it('for the third time ends a process that hangs, and removes what was unpacked', () =>
    withSource(async ({ folder, target, temporary }) => {
      const packed = join(folder, 'packed.img.gz');
      await writeFile(packed, gzipSync(pattern(4096)));
      const cli = startCli(['mirror', packed, target, '--progress', '--guest', 'random'], {
        env: { TMPDIR: temporary, ...loading(DEAD) },
      });
      await cli.printed(/phase 1 .*\n.*phase 1 /);
      expect(readdirSync(temporary)).toHaveLength(1);
      cli.signal('SIGINT');
      await cli.printed(/Interrupted: cancelling\n.*phase 1/s);
      cli.signal('SIGINT');
      await cli.printed(/Interrupted: leaving the copy as it is; once more ends at once\n.*phase/s);
      cli.signal('SIGINT');
      const { exitCode, signal } = await cli.ended;
      expect([exitCode, signal]).toEqual([null, 'SIGINT']);
      expect(readdirSync(temporary)).toEqual([]);
    }));

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'by %s while it unpacks ends the process, and removes what was unpacked',
    (signal) =>
      withSource(async ({ folder, target, temporary }) => {
        const packed = join(folder, 'zeroes.img.gz');
        await writeFile(packed, gzipSync(new Uint8Array(64 * MiB), { level: 1 }));
        const code = `const { mkdtemp } = fs.promises; fs.promises.mkdtemp = async (...args) => {
          const folder = await mkdtemp(...args);
          process.stderr.write('unpacking');
          return folder; }`;
        const cli = startCli(['mirror', packed, target, '--then', 'cancel'], {
          env: { TMPDIR: temporary, ...loading(code) },
        });
        await cli.printed(/unpacking/);
        cli.signal(signal);
        const ended = await cli.ended;
        expect([ended.exitCode, ended.signal, ended.stdout]).toEqual([null, signal, '']);
        expect(readdirSync(temporary)).toEqual([]);
        expect(existsSync(target)).toBe(false);
      }),
  );

  it('ends a comparison at once', () =>
    withSource(async ({ source, folder }) => {
      const large = join(folder, 'large.img');
      await writeFile(large, pattern(4 * MiB));
      const code = `fs.read = () => {
        process.stderr.write('reading');
        setInterval(() => {}, 1000); }`;
      const cli = startCli(['compare', source, large], { env: loading(code) });
      await cli.printed(/reading/);
      cli.signal('SIGINT');
      expect(await cli.ended).toMatchObject({ exitCode: null, signal: 'SIGINT', stdout: '' });
    }));
});

describe('output that nobody reads', () => {
  it('cancels a mirror in phase 1: one line, exit code 2, nothing left', () =>
    withSource(async (place) => {
      const line = 'mirrordisk mirror $SOURCE $TARGET --json --speed 1M --guest random | head -1';
      const { stdout, stderr } = await shell(line, place);
      expect(stdout).toMatch(/^\{"event":"JOB_STATUS_CHANGE".*\}\n2\n$/);
      expect(stderr).toBe('mirrordisk: Cannot write to standard output: its reader has gone\n');
      expect(readdirSync(place.folder).sort()).toEqual(['disk.img', 'tmp']);
    }));

  it('ends a mirror in phase 2 with a copy that is right', () =>
    withSource(async (place) => {
      const until = "sed '/BLOCK_JOB_READY/q' > /dev/null";
      const line = `mirrordisk mirror $SOURCE $TARGET --json --guest random | ${until}`;
      const { stdout, stderr } = await shell(line, place);
      expect([stdout, stderr.split('\n').length]).toEqual(['2\n', 2]);
      expect(same(place.source, place.target)).toBe(true);
    }));

  it.each(['--help', 'compare --list $SOURCE $TARGET'])('is no defect of %s', (args) =>
    withSource(async (place) => {
      await writeFile(place.target, pattern(4 * MiB).fill(0, 5, 50));
      const gone = await shell(`mirrordisk ${args} | true`, place);
      expect(['0\n', '1\n', '2\n']).toContain(gone.stdout);
      expect(gone.stderr).toMatch(/^(mirrordisk: [^\n]*its reader has gone\n)?$/);
    }),
  );

  it.skipIf(!existsSync('/dev/full'))('is an error when the disk is full', () =>
    withSource(async (place) => {
      const line = 'mirrordisk mirror $SOURCE $TARGET --json --speed 1M > /dev/full';
      const { stdout, stderr } = await shell(line, place);
      expect(stdout).toBe('2\n');
      expect(stderr).toBe('mirrordisk: Cannot write to standard output: No space left on device\n');
      expect(readdirSync(place.folder).sort()).toEqual(['disk.img', 'tmp']);
    }),
  );

  it('on standard error alone disturbs nothing', () =>
    withSource(async (place) => {
      const line =
        'mirrordisk mirror $SOURCE $TARGET --then cancel --progress 2>&1 >/dev/null | true';
      expect((await shell(line, place)).stdout).toBe('0\n');
      expect(same(place.source, place.target)).toBe(true);
    }));
});

describe('a defect', () => {
  it('is reported as one, with exit code 2, and what was unpacked is removed', () =>
    withSource(async ({ folder, target, temporary }) => {
      const packed = join(folder, 'packed.img.gz');
      await writeFile(packed, gzipSync(pattern(4 * MiB)));
      const code = `process.on('SIGUSR2', () => { throw new Error('boom'); })`;
      const cli = startCli(['mirror', packed, target, '--speed', '1M', '--progress'], {
        env: { TMPDIR: temporary, ...loading(code) },
      });
      await cli.printed(/phase 1/);
      cli.signal('SIGUSR2');
      const { exitCode, stderr } = await cli.ended;
      expect([exitCode, stderr]).toEqual([
        2,
        expect.stringContaining('please report it: Error: boom'),
      ]);
      expect(readdirSync(temporary)).toEqual([]);
    }));
});

describe('input', () => {
  it('is not read: its end, or its absence, changes nothing', () =>
    withSource(async (place) => {
      const args = ['mirror', place.source, place.target, '--then', 'cancel'];
      expect((await runCli(args, { stdin: 'some text' })).exitCode).toBe(0);
      const line = `mirrordisk mirror $SOURCE $TARGET --then cancel --force <&-`;
      expect((await shell(line, place)).stdout).toMatch(/\n0\n$/);
      await (await openDisk(place.source)).close();
    }));
});
