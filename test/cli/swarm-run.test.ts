import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { WorldParts } from '../../src/cli/sim-work.ts';
import { runSwarm, type SwarmPlan } from '../../src/cli/swarm-run.ts';
import { readSeed } from '../../src/sim/seed-file.ts';
import { swarm } from '../../src/sim/swarm.ts';
import { forgetfulTarget } from '../sim/broken.ts';
import { FakeIo, type FakeIoOptions } from '../support/fake-io.ts';
import { settle } from '../support/settle.ts';
import { withFolder } from '../support/temporary.ts';

async function run(plan: Partial<SwarmPlan>, world?: WorldParts, options: FakeIoOptions = {}) {
  const io = new FakeIo(options);
  const whole = { firstSeed: 0, threads: 1, output: { json: false }, ...plan };
  const exitCode = await runSwarm(whole, io, world);
  return { exitCode, io, stdout: io.stdout.join('\n') };
}

describe('a swarm', { timeout: 60_000 }, () => {
  it('runs as many worlds as were asked for, and tells how fast it was', async () => {
    const { exitCode, stdout } = await run({ firstSeed: 7, count: 45 });
    expect(exitCode).toBe(0);
    const { steps } = await swarm({ settle, firstSeed: 7, count: 45 });
    expect(stdout).toMatch(
      new RegExp(`^45 worlds \\(seeds 7 to 51\\), ${steps} steps, .*thread$`, 'm'),
    );
    expect(stdout).toMatch(/\n\d+ worlds\/s, \d+ steps\/s; ends: .*\nNOTHING FOUND: /);
  });

  it('finds the lowest seed that goes wrong, and shows and keeps it', () =>
    withFolder(async (folder) => {
      const options = { settle, wrap: forgetfulTarget };
      const { failure } = await swarm({ ...options, firstSeed: 0, count: 500 });
      const seedFile = join(folder, 'seed.json');
      const output = { json: false, seedFile };
      const { exitCode, stdout } = await run({ count: 500, output }, { wrap: forgetfulTarget });
      expect(exitCode).toBe(1);
      expect(stdout).toContain(`VIOLATED by seed ${failure?.seed}: `);
      expect(stdout).toMatch(/\nstep {2}guest/);
      const seed = readSeed(readFileSync(seedFile, 'utf8'));
      expect(seed.found).toBe(failure?.violation.invariant);
    }));

  it('goes on until its time is up when there is no other end', async () => {
    const { exitCode, stdout } = await run({ seconds: 0.05 });
    expect([exitCode, stdout]).toEqual([0, expect.stringMatching(/NOTHING FOUND/)]);
  });

  it('ends with a summary when it is interrupted', async () => {
    const { exitCode, stdout, io } = await run({}, undefined, {
      columns: 80,
      onLine: (line, own) => line.startsWith('swarm:') && own.interrupt(),
    });
    expect(exitCode).toBe(2);
    expect(stdout).toMatch(/^20 worlds .*\n.*\nNOTHING FOUND: .*, and was interrupted$/);
    expect([io.drawings.at(-1), io.handlers.size]).toEqual([[], 0]);
  });

  it('writes JSON when asked for it', async () => {
    const { io } = await run({ count: 3, output: { json: true } });
    expect(io.json).toMatchObject([
      { event: 'SWARM_SUMMARY', data: { verdict: 'nothing found', worlds: 3, firstSeed: 0 } },
    ]);
  });
});
