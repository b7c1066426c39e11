import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ExplorePlan, runExplore } from '../../src/cli/explore-run.ts';
import type { WorldParts } from '../../src/cli/sim-work.ts';
import { scenario } from '../../src/sim/scenario.ts';
import { readSeed } from '../../src/sim/seed-file.ts';
import { forgetfulTarget } from '../sim/broken.ts';
import { write } from '../sim/worlds.ts';
import { FakeIo, type FakeIoOptions } from '../support/fake-io.ts';
import { withFolder } from '../support/temporary.ts';

const SMALL = scenario({ name: 'small', sectors: 1, guest: { requests: [write(0)] } });
const LARGE = scenario({ name: 'large', guest: { requests: [write(0), write(1), write(0)] } });

interface Given {
  readonly plan?: Partial<ExplorePlan>;
  readonly world?: WorldParts;
  readonly io?: FakeIoOptions;
}

/** Runs a plan; what goes wrong is kept in files of this folder. */
async function run(folder: string, { plan, world, io: options = {} }: Given = {}) {
  const io = new FakeIo(options);
  const output = { json: false, seedFile: join(folder, 'seed.json') };
  const whole: ExplorePlan = {
    title: 'a test',
    worlds: [SMALL],
    pruning: 'visible',
    executionsMax: 20_000,
    threads: 1,
    output,
    ...plan,
  };
  const exitCode = await runExplore(whole, io, world);
  return { exitCode, io, stdout: io.stdout.join('\n') };
}

const FORGETS: WorldParts = { wrap: forgetfulTarget };

/** Others may be at work on this machine. */
describe('an exploration', { timeout: 60_000 }, () => {
  it('tells what each world has come to, and that all of them are proved', () =>
    withFolder(async (folder) => {
      const worlds = [SMALL, { ...SMALL, name: 'again' }];
      const { exitCode, stdout } = await run(folder, { plan: { worlds } });
      expect(exitCode).toBe(0);
      expect(stdout).toMatch(/^a test\nworld +executions +states +pruned +depth +seconds +verdict/);
      expect(stdout).toMatch(/\nsmall( +[\d.]+){5} {2}proved\nagain( +[\d.]+){5} {2}proved\n/);
      expect(stdout).toMatch(/\n2 worlds, \d+ executions, \d+ states, .* by 1 thread\nPROVED: /);
      expect(existsSync(join(folder, 'seed.json'))).toBe(false);
    }));

  it('says of a bound that is hit that nothing is proved, and does not succeed', () =>
    withFolder(async (folder) => {
      const { exitCode, stdout } = await run(folder, { plan: { executionsMax: 3 } });
      expect(exitCode).toBe(2);
      expect(stdout).toMatch(/NOT PROVED: .* its bound was hit with 1 world not searched whole$/);
    }));

  it('succeeds when it has used up the time it was given, and says what that proves', () =>
    withFolder(async (folder) => {
      const plan = { worlds: [LARGE, SMALL], seconds: 0.001 };
      const { exitCode, stdout } = await run(folder, { plan });
      expect(exitCode).toBe(0);
      expect(stdout).toMatch(/1 of 2 worlds, .*\nNOT PROVED: .* time was up with 2 worlds not/);
    }));

  it('ends with a summary when it is interrupted', () =>
    withFolder(async (folder) => {
      const { exitCode, stdout, io } = await run(folder, {
        plan: { worlds: [LARGE] },
        io: { columns: 80, onLine: (line, own) => line.includes('exploring') && own.interrupt() },
      });
      expect(exitCode).toBe(2);
      expect(io.stderr[0]).toBe('Interrupted: ending with what was found so far');
      expect(stdout).toMatch(/\n1 world, \d+ executions, .*\nNOT PROVED: .* it was interrupted/);
      expect([io.drawings.at(-1), io.handlers.size]).toEqual([[], 0]);
    }));

  it('shows what goes wrong as a table, and keeps it as a seed, a page and a picture', () =>
    withFolder(async (folder) => {
      const [html, svg] = [join(folder, 'run.html'), join(folder, 'run.svg')];
      const seedFile = join(folder, 'seed.json');
      const { exitCode, stdout } = await run(folder, {
        plan: { worlds: [SMALL, LARGE], output: { json: false, html, svg, seedFile } },
        world: FORGETS,
      });
      expect(exitCode).toBe(1);
      expect(stdout).toMatch(/\nsmall .* violated\n1 of 2 worlds, .*\nVIOLATED: /);
      expect(stdout).toMatch(/\nstep {2}guest +device +mirror +source +target\n/);
      expect(stdout).toMatch(/ 0: write 0 .* <<\n/);
      expect(stdout).toContain(`to see it again: mirrordisk replay ${seedFile}\n`);
      expect(
        Math.max(
          ...stdout
            .split('\n')
            .slice(6, -6)
            .map(({ length }) => length),
        ),
      ).toBeLessThan(101);
      const seed = readSeed(readFileSync(seedFile, 'utf8'));
      expect(seed.scenario.guest.requests).toEqual([write(0)]);
      expect(readFileSync(html, 'utf8')).toContain(`mirrordisk replay ${seedFile}`);
      expect(readFileSync(svg, 'utf8')).toMatch(/^<svg /);
    }));

  it('keeps to the width of the terminal', () =>
    withFolder(async (folder) => {
      const { stdout } = await run(folder, { world: FORGETS, io: { columns: 72 } });
      const table = stdout.slice(stdout.indexOf('\nstep  guest')).split('\nit takes')[0] ?? '';
      expect(Math.max(...table.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(72);
    }));

  it('tells of a failure as it is when making it short is interrupted', () =>
    withFolder(async (folder) => {
      const { exitCode, stdout, io } = await run(folder, {
        world: FORGETS,
        plan: { worlds: [LARGE] },
        io: { columns: 80, onLine: (line, own) => line.includes('run short') && own.interrupt() },
      });
      expect([exitCode, io.stderr[0]]).toEqual([
        1,
        'Interrupted: the failing run is told of as it is',
      ]);
      expect(stdout).toMatch(/\nstep {2}guest/);
      const seed = readSeed(readFileSync(join(folder, 'seed.json'), 'utf8'));
      expect(seed.scenario).toEqual(LARGE);
    }));

  it('tells of the failure also when it cannot be kept', () =>
    withFolder(async (folder) => {
      const output = { json: false, seedFile: join(folder, 'none', 'seed.json') };
      const { exitCode, io } = await run(folder, { plan: { output }, world: FORGETS });
      expect(exitCode).toBe(1);
      expect(io.stderr.join()).toMatch(/Cannot write ".*seed.json": No such file/);
    }));

  it('writes JSON when asked for it', () =>
    withFolder(async (folder) => {
      const output = { json: true, seedFile: join(folder, 'seed.json') };
      const well = await run(folder, { plan: { output } });
      expect(well.io.json).toMatchObject([
        { event: 'EXPLORE_WORLD', data: { world: 'small', verdict: 'proved' } },
        { event: 'EXPLORE_SUMMARY', data: { verdict: 'proved', worlds: 1, threads: 1 } },
      ]);
      const wrong = await run(folder, { plan: { output }, world: FORGETS });
      expect(wrong.io.json).toMatchObject([
        { event: 'EXPLORE_WORLD', data: { verdict: 'violated' } },
        { event: 'EXPLORE_SUMMARY', data: { verdict: 'violated' } },
        { event: 'SIMULATION_FAILURE', data: { seedFile: output.seedFile, sector: 0 } },
      ]);
    }));
});
