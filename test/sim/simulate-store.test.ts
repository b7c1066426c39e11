import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SimulationError, simulate } from '../../src/sim/index.ts';
import type { StoreBug } from './example-store.ts';
import { storeProgram } from './example-store-program.ts';

const BUGS: readonly StoreBug[] = [
  'no flush before the commit record',
  'no flush before the commit record is cleared',
  'no flush after the commit record is cleared',
];

describe('the example of a store', { timeout: 30_000 }, () => {
  it.each(BUGS)('is found to lose data with: %s', async (bug) => {
    for (const mode of [{ seeds: 300 }, { explore: true }]) {
      const error = await simulate({ ...storeProgram(bug), ...mode }).catch(
        (thrown: unknown) => thrown,
      );
      if (!(error instanceof SimulationError)) throw error;
      expect(String(error.cause)).toContain('the store holds');
      expect(error.schedule.length).toBeLessThan(25);
      expect(error.faults.length).toBeLessThan(6);
      expect(error.timeline.split('\n').length).toBeLessThan(45);
      await expect(simulate({ ...storeProgram(bug), replay: error.replay })).rejects.toThrow(
        'again, by its replay',
      );
    }
  });

  it('is found in its shortest form: the commit record and half of what it commits', async () => {
    const program = storeProgram('no flush before the commit record');
    const error = await simulate(program).catch((thrown: unknown) => thrown);
    if (!(error instanceof SimulationError)) throw error;
    expect(error.faults).toEqual([
      'step 4: the power fails',
      'step 4: disk sector 0: keeps write disk 0 "commit 2"',
      'step 4: disk sector 1: loses write disk 1 "0=one"',
      'step 4: disk sector 2: keeps write disk 2 "1=one"',
    ]);
    expect(error.schedule).toEqual([0, 0, 0, 1, 1, 0, 1]);
    // What the README shows is what there is to be seen, up to where it leaves something out.
    const readme = readFileSync(new URL('../../src/sim/README.md', import.meta.url), 'utf8');
    const [shown = ''] = error.message.split('\n  14  ');
    expect(shown).toContain('  12  flush disk #2 done');
    expect(readme).toContain(shown);
  });

  it('keeps its promises, whenever the power fails, and when it fails again', async () => {
    const explore = { executionsMax: 5000 };
    const report = await simulate({ ...storeProgram(), faults: { powerCuts: 2 }, explore });
    expect(report.verdict).toBe('proved');
    expect(report.powerCuts).toBeGreaterThan(500);
  });

  it('keeps them on a disk that is mirrored meanwhile, and after the switch', async () => {
    const report = await simulate({ ...storeProgram(), mirror: { bufSize: 4096 }, seeds: 100 });
    expect(report.verdict).toBe('passed');
    const bug = storeProgram('no flush before the commit record');
    await expect(simulate({ ...bug, mirror: { bufSize: 4096 } })).rejects.toThrow(SimulationError);
  });
});
