import { readFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import {
  BoundError,
  DivergenceError,
  isPowerCut,
  NondeterminismError,
  PowerCut,
  type SimulateOptions,
  SimulationError,
  StandstillError,
  simulate,
} from '../../src/sim/index.ts';

const SECTOR = 512;

interface Counter {
  saved: number;
}

/** A program that counts on a disk; with `flushes` what it has acknowledged is durable. */
function counter({ flushes, top = 3 }: { readonly flushes: boolean; readonly top?: number }) {
  const options: SimulateOptions<Counter> = {
    model: () => ({ saved: 0 }),
    async guest({ disk, model }) {
      for (let value = 1; value <= top; value += 1) {
        await disk.write(0, new Uint8Array(SECTOR).fill(value));
        if (flushes) await disk.flush();
        model.saved = value;
      }
    },
    async check({ disk, model }) {
      const [value = 0] = await disk.read(0, SECTOR);
      if (value < model.saved) throw new Error(`it holds ${value}, and ${model.saved} was saved`);
    },
  };
  return options;
}

/** What a simulation rejects with. */
async function failureOf(simulation: Promise<unknown>): Promise<SimulationError> {
  const error = await simulation.then(
    () => new Error('nothing was found'),
    (thrown: unknown) => thrown,
  );
  if (error instanceof SimulationError) return error;
  throw error;
}

describe('mirrordisk/sim', () => {
  it('is what package.json exports', async () => {
    const file = new URL('../../package.json', import.meta.url);
    const { exports } = JSON.parse(readFileSync(file, 'utf8'));
    const path: string = exports['./sim'].default.replace('./dist/', '../../src/');
    expect(await import(path.replace(/\.js$/, '.ts'))).toHaveProperty('simulate', simulate);
    expect(exports['./sim'].types).toBe('./dist/sim/index.d.ts');
  });
});

describe('simulate()', () => {
  it('passes a program that keeps what it has promised, for each of 100 seeds', async () => {
    const report = await simulate(counter({ flushes: true }));
    expect(report.verdict).toBe('passed');
    expect(report.powerCuts).toBeGreaterThan(50);
    expect(report.runs).toBe(102);
  });

  it('finds a missing flush, and says how in the shortest way', async () => {
    const failure = await failureOf(simulate(counter({ flushes: false })));
    expect(failure.cause).toEqual(new Error('it holds 0, and 1 was saved'));
    expect(failure.schedule).toEqual([0, 1]);
    expect(failure.faults).toEqual([
      'step 2: the power fails',
      'step 2: disk sector 0: loses write disk 0, write disk 0 #2',
    ]);
    expect(failure.message).toContain(`replay: '${failure.replay}'`);
    expect(failure.message).toContain('schedule  0 1\n');
    expect(failure.message).toMatch(/by seed \d+, in run \d+ of 100/);
    expect(failure.message).toContain(failure.timeline);
    expect(failure.timeline.split('\n')).toHaveLength(7);
  });

  it('does the same for the same seed, to the byte, and something else for another', async () => {
    const options = { ...counter({ flushes: true }), disk: { size: 4096 } };
    const [one, other] = [
      await simulate({ ...options, seed: 3 }),
      await simulate({ ...options, seed: 3 }),
    ];
    expect(other).toEqual(one);
    const traces = new Set<string>();
    for (let seed = 0; seed < 8; seed += 1) {
      traces.add((await simulate({ ...options, seed })).trace);
    }
    expect(traces.size).toBeGreaterThan(3);
  });

  it('proves by looking at everything, and never says so when it was cut off', async () => {
    const program = counter({ flushes: true, top: 2 });
    const whole = await simulate({ ...program, explore: true });
    expect(whole.verdict).toBe('proved');
    // Two of the runs are those that compare.
    const executionsMax = whole.runs - 3;
    await expect(simulate({ ...program, explore: { executionsMax } })).rejects.toThrow(BoundError);
    const bounded = await simulate({ ...program, explore: { executionsMax, onBound: 'report' } });
    expect(bounded.verdict).toBe('bounded');
    const exact = await simulate({ ...program, explore: { executionsMax: whole.runs - 2 } });
    expect(exact.verdict).toBe('proved');
  });

  it('repeats a failure by its replay and by its schedule', async () => {
    const program = counter({ flushes: false });
    const { replay, timeline, seed, schedule } = await failureOf(simulate(program));
    const again = await failureOf(simulate({ ...program, replay }));
    expect(again.timeline).toBe(timeline);
    expect(again.message).toContain('again, by its replay');
    const led = await failureOf(simulate({ ...program, schedule, seed, shrinkMax: 0 }));
    expect(led.timeline).toBe(timeline);
  });

  it('says so when a replay repeats nothing', async () => {
    const { replay } = await failureOf(simulate(counter({ flushes: false })));
    const mended = counter({ flushes: true });
    await expect(simulate({ ...mended, replay })).rejects.toThrow(DivergenceError);
    const report = await simulate({ ...mended, replay, onDivergence: 'report' });
    expect(report.divergence).toMatch(/diverges/);
    await expect(simulate({ ...mended, replay: '1/x/y' })).rejects.toThrow(RangeError);
  });

  it('finds out about real chance, and about what an earlier run has left', async () => {
    let runs = 0;
    let drawn = 0;
    const chance = vi.spyOn(Math, 'random').mockImplementation(() => {
      drawn += 0.01;
      return drawn;
    });
    const byChance = simulate({
      guest: ({ disk }) =>
        disk.write(SECTOR * Math.floor(Math.random() * 128), new Uint8Array(SECTOR)),
      check() {},
    });
    await expect(byChance).rejects.toThrow(NondeterminismError);
    chance.mockRestore();
    const byState = simulate({
      guest({ note }) {
        runs += 1;
        note(`run ${runs}`);
      },
      check() {},
    });
    await expect(byState).rejects.toThrow(/"run 1"" at step 0 the first time, ""run 2"/);
  });

  it('finds out when the same choices lead elsewhere in an exhaustive search', async () => {
    let runs = 0;
    const explored = simulate({
      async guest({ disk }) {
        runs += 1;
        await disk.write(0, new Uint8Array(SECTOR).fill(1));
        if (runs > 4) await disk.write(SECTOR, new Uint8Array(SECTOR).fill(1));
        else await disk.flush();
      },
      check() {},
      explore: true,
    });
    await expect(explored).rejects.toThrow(NondeterminismError);
  });

  it('does not wait for what is not of its world', async () => {
    const never = { guest: () => new Promise<void>(() => {}), check() {} };
    const { cause } = await failureOf(simulate({ ...never, seed: 1 }));
    expect(cause).toBeInstanceOf(StandstillError);
    const endless = {
      async guest({ disk }: { disk: { flush(): Promise<void> } }) {
        for (;;) await disk.flush();
      },
      check() {},
      stepsMax: 100,
    };
    const { cause: end } = await failureOf(simulate({ ...endless, seed: 1, shrinkMax: 0 }));
    expect(String(end)).toContain('100 steps');
  });

  it('lets a program come to an end whose machine has lost power', async () => {
    const seen: unknown[] = [];
    let [begun, ended] = [0, 0];
    await simulate({
      async guest({ disk, clock, background }) {
        begun += 1;
        background(() => clock.sleep(1_000_000));
        // Nobody waits for this one.
        disk.write(0, new Uint8Array(SECTOR));
        try {
          await disk.flush();
          await clock.sleep(10);
        } catch (error) {
          seen.push(error);
          for (let tries = 0; tries < 3; tries += 1) {
            await expect(disk.read(0, SECTOR)).rejects.toThrow(PowerCut);
          }
          await expect(clock.sleep(1)).rejects.toThrow(PowerCut);
          throw error;
        } finally {
          ended += 1;
        }
      },
      check() {},
      seeds: 50,
    });
    expect(seen.length).toBeGreaterThan(10);
    expect(seen.every(isPowerCut)).toBe(true);
    expect(ended).toBe(begun);
  });

  it('fails for what goes wrong beside', async () => {
    const { cause } = await failureOf(
      simulate({
        async guest({ background, clock }) {
          background(() => Promise.reject(new Error('beside')));
          await clock.sleep(5);
        },
        check() {},
      }),
    );
    expect(String(cause)).toBe('Error: beside');
  });

  it('lets the program leave choices to it, tries all of them, and shrinks them', async () => {
    const tried = new Set<number>();
    const options: SimulateOptions<{ sum: number }> = {
      faults: { powerCuts: 0 },
      model: () => ({ sum: 0 }),
      guest({ choose, model }) {
        model.sum = choose(4) * 10 + choose(3);
        tried.add(model.sum);
      },
      check({ model }) {
        if (model.sum > 11) throw new Error('too large');
      },
    };
    const { schedule } = await failureOf(simulate({ ...options, seeds: 100 }));
    expect(schedule).toEqual([2]);
    tried.clear();
    await simulate({ ...options, check() {}, explore: true });
    expect(tried.size).toBe(12);
  });

  it('refuses modes that exclude each other, and what makes no world', async () => {
    const program = counter({ flushes: true });
    await expect(simulate({ ...program, seeds: 2, explore: true })).rejects.toThrow(
      'seeds and explore exclude each other',
    );
    await expect(simulate({ ...program, disk: { size: 100 } })).rejects.toThrow(RangeError);
    await expect(simulate({ ...program, disks: {} })).rejects.toThrow(RangeError);
    await expect(simulate({ ...program, seeds: 0 })).rejects.toThrow(RangeError);
    await expect(simulate({ ...program, faults: { stalls: -1 } })).rejects.toThrow(RangeError);
  });
});
