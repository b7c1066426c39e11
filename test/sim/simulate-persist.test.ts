import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { simulate } from '../../src/sim/index.ts';
import { persistProgram } from './example-persist.ts';

/** In the order of their coming, or there would be too many orders for all of them. */
const inOrder = { reorder: false };

describe('a mirror with persist', { timeout: 60_000 }, () => {
  it.each([
    { sectors: 1, writes: [] },
    { sectors: 2, writes: [0] },
    { sectors: 2, writes: [1, 1], flushes: true, pauseMs: 2500 },
  ])(
    'goes on from every step at which the power can fail: %j',
    async (world) => {
      const explore = { executionsMax: 2000 };
      const report = await simulate({ ...persistProgram(world), faults: inOrder, explore });
      expect(report.verdict).toBe('proved');
      expect(report.powerCuts).toBeGreaterThan(100);
    },
    30_000,
  );

  it('goes on as well when requests overtake each other and the power fails again', async () => {
    const program = persistProgram({ sectors: 3, writes: [1, 2, 1], flushes: true });
    const report = await simulate({ ...program, faults: { powerCuts: 3 }, seeds: 60 });
    expect(report.powerCuts).toBeGreaterThan(60);
  });

  it('is found to copy too little when the flush of its journal was a lie', async () => {
    const program = persistProgram({ sectors: 2, writes: [1], pauseMs: 2500 });
    // A journal that a lie has left in pieces is refused, as it should be.
    const refused = new WeakSet<object>();
    const careful: typeof program = {
      ...program,
      async recover(context) {
        try {
          await program.recover?.(context);
        } catch (error) {
          if (!(error instanceof BlockError) || error.code !== 'EINVAL') throw error;
          refused.add(context.model);
        }
      },
      async check(context) {
        if (!refused.has(context.model)) await program.check(context);
      },
    };
    const lies = { times: 1, disk: '/target.img.mirrordisk-journal' };
    const faults = { ...inOrder, tear: false, lies };
    const lying = simulate({ ...careful, faults, explore: true, shrinkMax: 0 });
    await expect(lying).rejects.toThrow(/of the target holds/);
  });
});
