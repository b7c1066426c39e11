/**
 * The museum as a gate: each bug is found where it is put back, and the same world is without fault
 * where it is not. So the oracle is shown to see what it promises to see, and a change of the
 * program that an exhibit does not fit any more is told.
 *
 * The mutants are copies of `dist/`, which has to be that of these sources.
 */

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { mutantRunner } from '../../../src/cli/museum-run.ts';
import { ABSENT, EXHIBITS, find } from '../../../src/sim/museum/index.ts';
import { findBug, isExpected, proveAbsence } from '../../../src/sim/museum/show.ts';

const TOP = fileURLToPath(new URL('../../..', import.meta.url));
/** Others may be at work on this machine. */
const PATIENT = { timeout: 60_000 };
/** What one search may take, in seconds, and runs; on an idle machine it takes a tenth. */
const SECONDS_MAX = 10;

const runner = mutantRunner();

beforeAll(() => {
  // Does nothing where dist/ is that of these sources.
  execFileSync(process.execPath, ['.ci/prepare.js'], { cwd: TOP, stdio: 'pipe' });
}, 120_000);

describe('the program with', PATIENT, () => {
  it.each(EXHIBITS.map((exhibit) => [exhibit.name, exhibit] as const))(
    '%s is caught by every schedule of its world',
    async (_, exhibit) => {
      const before = process.cpuUsage();
      const finding = await findBug(exhibit, runner);
      const { user, system } = process.cpuUsage(before);
      expect(finding.found?.violation.invariant ?? finding.verdict).toSatisfy((found) =>
        exhibit.finds.includes(found),
      );
      expect(isExpected(exhibit, finding)).toBe(true);
      // By what it took of a processor: others may be at work on the machine.
      expect((user + system) / 1e6).toBeLessThan(SECONDS_MAX);
      expect(finding.found?.timeline).toContain(finding.found?.violation.found.slice(0, 4));
    },
  );
});

describe('the program as it is', PATIENT, () => {
  const worlds = [...EXHIBITS, ...ABSENT].flatMap(({ id, world }) =>
    world ? [[id, world] as const] : [],
  );

  it.each(worlds)('keeps every promise in the world of %s', async (_, world) => {
    const finding = await proveAbsence({ world }, runner);
    expect(finding.found?.timeline).toBeUndefined();
    expect(finding.verdict).toBe('proved');
  });
});

describe('the catalogue', () => {
  const numbers = (letter: string, count: number) =>
    Array.from({ length: count }, (_, at) => `${letter}${at + 1}`);

  it('has every bug once, as an exhibit or with the reason why not', () => {
    const all = [
      ...numbers('B', 16),
      ...numbers('H', 11),
      ...numbers('E', 17),
      ...numbers('L', 10),
    ];
    const ids = [...EXHIBITS, ...ABSENT].map(({ id }) => id);
    expect([...ids].sort()).toEqual([...all].sort());
  });

  it('names files of the program that argue against each bug', () => {
    for (const { id, argued } of [...EXHIBITS, ...ABSENT]) {
      expect([id, existsSync(`${TOP}/src/${argued}`)]).toEqual([id, true]);
    }
  });

  it('tells a story of each in some sentences, and begins its name with its number', () => {
    for (const { id, name, story } of EXHIBITS) {
      const sentences = story.split(/[.?!](?:\s|$)/).filter((text) => text.trim() !== '');
      expect([id, sentences.length >= 3 && sentences.length <= 8]).toEqual([id, true]);
      expect(name).toMatch(new RegExp(`^${id}(-[a-z0-9]+)+$`));
    }
  });
});

describe('find()', () => {
  it('finds an exhibit by its name or its number, however they are written', () => {
    const [first] = EXHIBITS;
    for (const name of [first?.name ?? '', 'B1', 'b1']) expect(find(name)).toBe(first);
    expect(find('B99')).toBeUndefined();
  });
});
