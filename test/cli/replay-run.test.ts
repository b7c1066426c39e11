import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ReplayPlan, runReplay } from '../../src/cli/replay-run.ts';
import type { WorldParts } from '../../src/cli/sim-work.ts';
import { seededChooser } from '../../src/sim/choosers/seeded.ts';
import { explore, runOnce } from '../../src/sim/explorer.ts';
import { shrinkFailure } from '../../src/sim/failure-report.ts';
import { scenario } from '../../src/sim/scenario.ts';
import { type Seed, writeSeed } from '../../src/sim/seed-file.ts';
import { forgetfulTarget } from '../sim/broken.ts';
import { write } from '../sim/worlds.ts';
import { FakeIo } from '../support/fake-io.ts';
import { settle } from '../support/settle.ts';
import { withFolder } from '../support/temporary.ts';

const WORLD = scenario({ name: 'one write', sectors: 1, guest: { requests: [write(0)] } });
const FORGETS: WorldParts = { wrap: forgetfulTarget };

async function goodSeed(): Promise<Seed> {
  const { schedule, moves, end } = await runOnce(WORLD, seededChooser(3), { settle });
  return { title: 'a good run', found: end, scenario: WORLD, schedule, moves };
}

async function badSeed(): Promise<Seed> {
  const options = { ...FORGETS, settle };
  const { failure } = await explore(WORLD, { ...options, executionsMax: 5000 });
  if (!failure) throw new Error('nothing was found');
  return (await shrinkFailure(failure, options)).seed;
}

/** Replays a seed from a file. */
function replay(seed: Seed | string, plan: Partial<ReplayPlan> = {}, world?: WorldParts) {
  return withFolder(async (folder) => {
    const file = join(folder, 'seed.json');
    writeFileSync(file, typeof seed === 'string' ? seed : writeSeed(seed));
    const io = new FakeIo();
    const whole = { file, lenient: false, output: { json: false }, ...plan };
    const exitCode = await runReplay(whole, io, world);
    return { exitCode, io, stdout: io.stdout.join('\n') };
  });
}

describe('a replay', { timeout: 60_000 }, () => {
  it('shows a run also when nothing is wrong', async () => {
    const { exitCode, stdout } = await replay(await goodSeed());
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^a good run\n\nstep {2}guest.*0: write 0.*\n\nFINE: .* ends: over$/s);
  });

  it('shows what goes wrong', async () => {
    const seed = await badSeed();
    const { exitCode, stdout } = await replay(seed, {}, FORGETS);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/0: write 0 .* <<\n/);
    expect(stdout).toMatch(/\nVIOLATED: ".*"; when this was written, it did so$/);
  });

  it('goes on to the end of a run that once went wrong and does so no more', async () => {
    const seed = await badSeed();
    const { exitCode, stdout } = await replay(seed);
    expect([exitCode, stdout]).toEqual([
      0,
      expect.stringMatching(/is null\n\nMENDED: no rule is broken/),
    ]);
  });

  it('says where it diverges, and shows the run up to there', async () => {
    const seed = await goodSeed();
    const moves = seed.moves.map((move, at) => (at === 2 ? 'effect of something else' : move));
    const { exitCode, stdout } = await replay({ ...seed, moves });
    expect(exitCode).toBe(2);
    expect(stdout).toMatch(/\nstep {2}guest.*\nDIVERGED: .*choice 2 diverges: "effect of someth/s);
    const lenient = await replay({ ...seed, moves }, { lenient: true });
    expect(lenient.exitCode).toBe(0);
  });

  it('diverges where choices are missing, or left over', async () => {
    const seed = await goodSeed();
    const { schedule, moves } = seed;
    const less = { schedule: schedule.slice(0, -1), moves: moves.slice(0, -1) };
    const short = await replay({ ...seed, ...less });
    expect([short.exitCode, short.stdout]).toEqual([
      2,
      expect.stringMatching(/DIVERGED: .*the schedule has ended/),
    ]);
    const more = { schedule: [...schedule, 0], moves: [...moves, 'another'] };
    const long = await replay({ ...seed, ...more });
    expect([long.exitCode, long.stdout]).toEqual([
      2,
      expect.stringMatching(
        /DIVERGED: Choice \d+ diverges: the run has ended .* with 1 choice left/,
      ),
    ]);
  });

  it('draws a page and a picture, and writes JSON', () =>
    withFolder(async (folder) => {
      const [html, svg] = [join(folder, 'run.html'), join(folder, 'run.svg')];
      const { io } = await replay(await goodSeed(), { output: { json: true, html, svg } });
      expect(io.json).toMatchObject([{ event: 'REPLAY_SUMMARY', data: { end: 'over' } }]);
      expect(readFileSync(html, 'utf8')).toContain('<dd>FINE: no rule is broken');
      expect(readFileSync(svg, 'utf8')).toContain('0: write 0');
    }));

  it('refuses what is no seed', async () => {
    await expect(replay('{}')).rejects.toThrow(/its format is not/);
  });
});
