import { describe, expect, it } from 'vitest';
import { runSwarms, type SwarmsPlan } from '../../src/cli/museum-swarms.ts';
import { EXHIBITS } from '../../src/sim/museum/index.ts';
import type { Finding, SearchOrder } from '../../src/sim/museum/search.ts';
import type { MutantRunner } from '../../src/sim/museum/show.ts';
import { FakeIo, type FakeIoOptions } from '../support/fake-io.ts';

const [FIRST, SECOND] = EXHIBITS.map((exhibit) => ({ ...exhibit, swarmMedian: 10 }));

/** Finds the bug after so many worlds, swarm by swarm; 0 for not at all. */
function runnerOf(worlds: readonly number[]): MutantRunner & { readonly asked: SearchOrder[] } {
  const asked: SearchOrder[] = [];
  return {
    asked,
    async run(_, order): Promise<Finding> {
      const executions = worlds[asked.length % worlds.length] ?? 0;
      asked.push(order);
      const verdict = executions > 0 ? 'violated' : 'bounded';
      return { verdict, executions, states: 0, steps: 0, seconds: 0 };
    },
  };
}

async function run(worlds: readonly number[], plan: Partial<SwarmsPlan> = {}, io?: FakeIoOptions) {
  const fake = new FakeIo(io);
  const runner = runnerOf(worlds);
  const exhibits = FIRST ? [FIRST] : [];
  const whole = { exhibits, swarms: worlds.length, json: false, ...plan };
  const exitCode = await runSwarms(whole, fake, runner);
  return { exitCode, io: fake, asked: runner.asked, stdout: fake.stdout.join('\n') };
}

describe('swarms for a bug of the museum', () => {
  it('tell how many worlds half of them took', async () => {
    const { exitCode, stdout } = await run([30, 4, 9, 100, 7]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(
      /: found by 5 of 5 swarms, half of them within 9 worlds \(stated: 10\)$/,
    );
  });

  it('have worlds of their own, up to some medians', async () => {
    const { asked } = await run([1, 2]);
    expect(asked).toEqual([
      { type: 'swarm', firstSeed: 1, count: 120 },
      { type: 'swarm', firstSeed: 1_000_001, count: 120 },
    ]);
  });

  it('say so when most of them find nothing', async () => {
    const { exitCode, stdout } = await run([5, 0, 0]);
    expect([exitCode, stdout]).toEqual([
      1,
      expect.stringMatching(/found by 1 of 3 swarms, too few/),
    ]);
  });

  it('write JSON when asked for it', async () => {
    const { io } = await run([8, 0, 2], { json: true });
    const data = { swarms: 3, worlds: [2, 8], median: 8, stated: 10 };
    expect(io.json).toMatchObject([{ event: 'MUSEUM_SWARMS', data }]);
  });

  it('end when they are interrupted', async () => {
    const exhibits = FIRST && SECOND ? [FIRST, SECOND] : [];
    const onLine: FakeIoOptions['onLine'] = (line, own) =>
      line.includes(': found by') && own.interrupt();
    const { exitCode, io, asked } = await run([3], { exhibits }, { columns: 80, onLine });
    expect([exitCode, asked.length, io.handlers.size]).toEqual([2, 1, 0]);
  });
});
