import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { DivergenceError, lenientReplay } from '../../src/sim/choosers/replay.ts';
import { seededChooser } from '../../src/sim/choosers/seeded.ts';
import { explore, runOnce } from '../../src/sim/explorer.ts';
import { describeViolation } from '../../src/sim/oracle/violation.ts';
import { chooserOf, readSeed, type Seed, writeSeed } from '../../src/sim/seed-file.ts';
import { settle } from '../support/settle.ts';
import { worldOf } from './worlds.ts';

async function seedOf(seed: number): Promise<Seed> {
  const scenario = worldOf('writes to both disks');
  const { schedule, moves, end } = await runOnce(scenario, seededChooser(seed), { settle });
  return { title: 'a run', found: end, scenario, schedule, moves };
}

describe('a seed file', () => {
  it('is read as it was written, and repeats the run', async () => {
    const seed = await seedOf(5);
    const read = readSeed(writeSeed(seed));
    expect(read).toEqual(seed);
    const run = await runOnce(read.scenario, chooserOf(read), { settle });
    expect([run.end, run.schedule]).toEqual(['over', seed.schedule]);
  });

  it('is for people too', async () => {
    const text = writeSeed(await seedOf(5));
    expect(text).toContain('"title": "a run"');
    expect(text).toMatch(/\n {4}"\d effect source read 0\+512 \(job\)"/);
  });

  it('does not replay in a world in which something else happens', async () => {
    const seed = await seedOf(5);
    const moves = seed.moves.map((move) => move.replace('(job)', '(somebody)'));
    await expect(runOnce(seed.scenario, chooserOf({ ...seed, moves }), { settle })).rejects.toThrow(
      DivergenceError,
    );
  });

  it.each([
    ['', /no JSON/],
    ['[]', /format/],
    ['{"format":"mirrordisk-seed","version":2}', /version must be 1: 2/],
    ['{"format":"mirrordisk-seed","version":1}', /no title/],
  ])('is refused when it is %j', (text, rule) => {
    expect(() => readSeed(text)).toThrow(rule);
  });

  it.each([
    ['sectors', undefined],
    ['hasteMax', '3'],
    ['stepsMax', null],
    ['source', undefined],
    ['mirror', null],
    ['guest', undefined],
    ['requests of a guest', undefined],
    ['requests of a guest', [null]],
    ['verbs', undefined],
    ['faults', [1]],
  ])('is refused when its scenario has for %s: %j', async (name, value) => {
    const { scenario, ...seed } = await seedOf(5);
    const { guest } = scenario;
    const isGuests = name.startsWith('requests');
    const part = isGuests ? { guest: { ...guest, requests: value } } : { [name]: value };
    const text = writeSeed({ ...seed, scenario: { ...scenario, ...part } as typeof scenario });
    expect(() => readSeed(text)).toThrow(`its scenario has no ${name}`);
  });

  it('is refused with a choice that is none', async () => {
    const text = writeSeed(await seedOf(5)).replace(/"\d /, '"x ');
    expect(() => readSeed(text)).toThrow(/choice 0 is no number/);
  });
});

const SEEDS = fileURLToPath(new URL('../../fixtures/seeds', import.meta.url));

describe('what once went wrong', { timeout: 60_000 }, () => {
  const names = readdirSync(SEEDS).filter((name) => name.endsWith('.json'));

  it.each(names)('does so no more: %s', async (name) => {
    const { scenario, schedule } = readSeed(readFileSync(`${SEEDS}/${name}`, 'utf8'));
    // Mended, the world goes on where it once ended: behind the schedule in the natural way.
    const run = await runOnce(scenario, lenientReplay(schedule), { settle });
    expect(run.violation && describeViolation(run.violation)).toBeUndefined();
    // The same scenario, in any other order.
    const report = await explore(scenario, { settle, pruning: 'visible', executionsMax: 5000 });
    expect(report.verdict).toBe('proved');
  });
});
