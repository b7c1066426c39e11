/** A persistent mirror whose process is killed, at whatever moment, under a guest. */

import { readdirSync, rmSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { runCli, startCli } from '../support/cli.ts';
import { type Place, withSource } from '../support/image-place.ts';
import { readEvents } from '../support/json-lines.ts';

// Each of its processes takes a second or two on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const MiB = 1024 * 1024;
const SIZE = 16 * MiB;
/** Bytes that the guest works on, and what the journal may call differing because of it. */
const AREA = '4M';
const HOT = 8 * MiB;

interface Run {
  readonly speed?: string;
  readonly seed?: number;
}

/** The command under a guest that writes all over its area. */
function command({ source, target }: Place, { speed = '0', seed = 1 }: Run = {}): string[] {
  const guest = `--guest random --guest-rate 1000 --guest-area 0+${AREA} --seed ${seed}`;
  const words = `--json --persist --no-compare --speed ${speed} ${guest}`.split(' ');
  return ['mirror', source, target, ...words];
}

/** Starts the command and kills it when it has printed what matches. */
async function killed(place: Place, moment: RegExp, run?: Run): Promise<void> {
  const cli = startCli(command(place, run));
  await cli.printed(moment);
  cli.signal('SIGKILL');
  expect(await cli.ended).toMatchObject({ signal: 'SIGKILL' });
}

/** Runs it to the end without a guest: what is proved then is what the killed runs left. */
async function finish({ source, target }: Place, more = '--persist') {
  const words = ['--json', '--then', 'finish', ...more.split(' ').filter(Boolean)];
  const { exitCode, stdout, stderr } = await runCli(['mirror', source, target, ...words]);
  expect([exitCode, stderr]).toEqual([0, '']);
  const data = readEvents(stdout).at(-1)?.data ?? {};
  expect(data).toMatchObject({ proof: { holds: true, bytes: SIZE } });
  return { resumed: data['resumed-bytes'], copied: Number(data['offset']) };
}

function names({ folder }: Place): readonly string[] {
  return readdirSync(folder).sort();
}

describe('a persistent mirror killed', () => {
  it.each([
    { when: 'as it begins', moment: /"status":"running"/, speed: '6M' },
    { when: 'early in phase 1', moment: /"phase":1,"offset":[1-9]/, speed: '6M' },
    { when: 'late in phase 1', moment: /"phase":1,"offset":\d{8}/, speed: '6M' },
  ])('$when goes on, and copies no more than was left', ({ moment, speed }) =>
    withSource(SIZE, async (place) => {
      await killed(place, moment, { speed });
      const { resumed, copied } = await finish(place);
      expect(resumed).toBeLessThanOrEqual(SIZE);
      expect(copied).toBeLessThanOrEqual(Number(resumed));
      expect(names(place)).toEqual(['copy.img', 'disk.img']);
    }),
  );

  it.each([
    { when: 'in phase 2', moment: /"phase":2(?:.|\n)*"phase":2/ },
    { when: 'later in phase 2', moment: /(?:"phase":2(?:.|\n)*?){4}/ },
  ])('$when copies only what its guest may have made different', ({ moment }) =>
    withSource(SIZE, async (place) => {
      await killed(place, moment);
      const { resumed, copied } = await finish(place);
      expect(resumed).toBeLessThanOrEqual(HOT);
      expect(copied).toBeLessThanOrEqual(Number(resumed));
      expect(names(place)).toEqual(['copy.img', 'disk.img']);
    }),
  );

  it('at the moment when source and target meet goes on', () =>
    withSource(SIZE, async (place) => {
      await killed(place, /"status":"ready"/);
      expect((await finish(place)).resumed).toBeLessThanOrEqual(SIZE);
      expect(names(place)).toEqual(['copy.img', 'disk.img']);
    }));

  it.each([1, 2])('again and again, under another guest each time, loses nothing: %d', (seed) =>
    withSource(SIZE, async (place) => {
      const random = seededRandom(seed);
      for (let round = 0; round < 3; round += 1) {
        const lines = 1 + (random.uint32() % 9);
        const moment = new RegExp(`^(?:[^\\n]*\\n){${lines}}|"phase":2`);
        await killed(place, moment, { speed: '5M', seed: seed * 10 + round });
      }
      const { resumed, copied } = await finish(place);
      expect(copied).toBeLessThanOrEqual(Number(resumed));
    }),
  );

  it('before its journal was made starts over', () =>
    withSource(SIZE, async (place) => {
      await killed(place, /"phase":1,"offset":[1-9]/, { speed: '4M' });
      rmSync(`${place.target}.mirrordisk-journal`);
      expect(await finish(place)).toEqual({ resumed: undefined, copied: SIZE });
      expect(names(place)).toEqual(['copy.img', 'disk.img']);
    }));

  it('whose target is gone since starts over', () =>
    withSource(SIZE, async (place) => {
      await killed(place, /"phase":1,"offset":[1-9]/, { speed: '4M' });
      rmSync(`${place.target}.mirrordisk-partial`);
      expect(await finish(place)).toEqual({ resumed: undefined, copied: SIZE });
      expect(names(place)).toEqual(['copy.img', 'disk.img']);
    }));

  it('and followed by one that is not persistent is not gone on with', () =>
    withSource(SIZE, async (place) => {
      await killed(place, /"phase":1,"offset":[1-9]/, { speed: '4M' });
      expect(await finish(place, '')).toEqual({ resumed: undefined, copied: SIZE });
      expect(names(place)).toEqual(['copy.img', 'disk.img']);
    }));
});

describe('Ctrl-C in phase 1 of a persistent mirror', () => {
  it('keeps what is copied, says so, and the same command goes on', () =>
    withSource(SIZE, async (place) => {
      const cli = startCli(command(place, { speed: '4M' }));
      await cli.printed(/"phase":1,"offset":[1-9]/);
      cli.signal('SIGINT');
      const { exitCode, stdout, stderr } = await cli.ended;
      expect([exitCode, stderr]).toEqual([
        1,
        expect.stringMatching(/^Interrupted: stopping, for the same command to go on; once more/),
      ]);
      expect(readEvents(stdout).at(-1)?.data).toMatchObject({ status: 'cancelled', kept: true });
      const { resumed, copied } = await finish(place);
      expect(resumed).toBeLessThan(SIZE);
      expect(copied).toBeLessThanOrEqual(Number(resumed));
      expect(names(place)).toEqual(['copy.img', 'disk.img']);
    }));

  it('is told of in words, and so is the resumption', () =>
    withSource(SIZE, async (place) => {
      const { source, target } = place;
      const words = ['mirror', source, target, '--persist'];
      const cli = startCli([...words, '--speed', '4M', '--progress']);
      await cli.printed(/phase 1 (?:.|\n)* [1-9][\d.]* %/);
      cli.signal('SIGINT');
      const { stdout } = await cli.ended;
      expect(stdout).toMatch(/^CANCELLED .*\nkept: the same command goes on from here, if nobody/);
      const again = await runCli([...words, '--then', 'finish']);
      expect(again.exitCode).toBe(0);
      expect(again.stderr).toMatch(/^resumed: [\d.]+ MiB of 16 MiB may differ$/m);
      expect(again.stdout).toMatch(/^COMPLETED .* copied on top of an earlier run, /m);
    }));
});

describe('a persistent mirror that runs', () => {
  it('is not disturbed by the same command, in whatever way that is given', () =>
    withSource(SIZE, async (place) => {
      const { source, target } = place;
      const words = ['--json', '--persist', '--no-compare', '--speed', '4M'];
      const cli = startCli(['mirror', source, target, ...words]);
      await cli.printed(/"phase":1,"offset":[1-9]/);
      for (const more of [['--persist'], ['--persist', '--force'], []]) {
        const { exitCode, stderr } = await runCli(['mirror', source, target, ...more]);
        expect([exitCode, stderr]).toEqual([
          2,
          expect.stringMatching(/^mirrordisk mirror: [^\n]* us(e|ing)\b[^\n]*\n$/),
        ]);
      }
      cli.signal('SIGINT');
      expect((await cli.ended).exitCode).toBe(1);
      await finish(place);
    }));
});
