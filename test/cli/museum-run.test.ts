import { readdirSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { mutantRunner } from '../../src/cli/museum-run.ts';
import type { SearchOrder } from '../../src/sim/museum/search.ts';
import { scenario } from '../../src/sim/scenario.ts';
import { withFolder } from '../support/temporary.ts';

const ORDER: SearchOrder = {
  type: 'explore',
  scenario: scenario({ sectors: 1 }),
  finds: [],
  executionsMax: 1000,
  minimises: false,
};
const PATIENT = { timeout: 60_000 };

describe('mutantRunner()', PATIENT, () => {
  it('runs the program as it is when nothing is to be changed', async () => {
    expect(await mutantRunner().run([], ORDER)).toMatchObject({ verdict: 'proved' });
  });

  it('runs a changed copy, and not the program itself', async () => {
    const find = 'return this.#pair.remaining === 0 && this.#inFlight === 0;';
    const change = { file: 'jobs/mirror/copier.js', find, replace: 'return false;' };
    expect(await mutantRunner().run([change], ORDER)).toMatchObject({ verdict: 'violated' });
    expect(await mutantRunner().run([], ORDER)).toMatchObject({ verdict: 'proved' });
  });

  it('leaves no copy behind, whether it ran or a change does not fit', async () => {
    await withFolder(async (copiesIn) => {
      const runner = mutantRunner({ copiesIn });
      await runner.run([], ORDER);
      const change = { file: 'jobs/mirror/copier.js', find: 'no such text', replace: '' };
      await expect(runner.run([change], ORDER)).rejects.toThrow('it is not there');
      expect(readdirSync(copiesIn)).toEqual([]);
    });
  });

  it('has its copy removed by a process that ends meanwhile', () =>
    withFolder(async (copiesIn) => {
      const cleaners = new Set<() => void>();
      const onExit = (clean: () => void) => {
        cleaners.add(clean);
        return () => cleaners.delete(clean);
      };
      const change = { file: 'base/assert.js', find: 'no such text', replace: '' };
      const running = mutantRunner({ copiesIn, onExit }).run([change], ORDER);
      const ended = expect(running).rejects.toThrow();
      await vi.waitFor(() => expect(cleaners.size).toBe(1));
      expect(readdirSync(copiesIn)).toHaveLength(1);
      for (const clean of cleaners) clean();
      expect(readdirSync(copiesIn)).toEqual([]);
      await ended;
      expect(cleaners.size).toBe(0);
    }));

  it('ends a mutant that goes round in circles', async () => {
    const find = 'return this.#pair.remaining === 0 && this.#inFlight === 0;';
    const change = { file: 'jobs/mirror/copier.js', find, replace: 'for (;;);' };
    const running = mutantRunner({ timeMaxMs: 1500 }).run([change], ORDER);
    await expect(running).rejects.toThrow('Cannot search: it took over 1500 ms');
  });

  it('takes what nobody has caught for a finding, and not for its own end', async () => {
    const find = 'pair.begin(control, env.clock);';
    const replace = `${find} void Promise.reject(new Error('nobody cares'));`;
    const change = { file: 'jobs/mirror/mirror.js', find, replace };
    const { found } = await mutantRunner().run([change], ORDER);
    expect(found?.violation).toMatchObject({
      invariant: 'the program is right about itself',
      found: 'Error: nobody cares',
    });
  });

  it('says so when the program is not built', async () => {
    await withFolder(async (dist) => {
      await expect(mutantRunner({ dist }).run([], ORDER)).rejects.toThrow('it is not built');
    });
  });
});
