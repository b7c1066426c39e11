import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { mutantRunner } from '../../src/cli/museum-run.ts';
import type { SearchOrder } from '../../src/sim/museum/search.ts';
import { scenario } from '../../src/sim/scenario.ts';

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
    const copiesIn = await mkdtemp(join(tmpdir(), 'mirrordisk-copies-'));
    try {
      const runner = mutantRunner({ copiesIn });
      await runner.run([], ORDER);
      const change = { file: 'jobs/mirror/copier.js', find: 'no such text', replace: '' };
      await expect(runner.run([change], ORDER)).rejects.toThrow('it is not there');
      expect(await readdir(copiesIn)).toEqual([]);
    } finally {
      await rm(copiesIn, { recursive: true });
    }
  });

  it('ends a mutant that goes round in circles', async () => {
    const find = 'return this.#pair.remaining === 0 && this.#inFlight === 0;';
    const change = { file: 'jobs/mirror/copier.js', find, replace: 'for (;;);' };
    const running = mutantRunner({ timeMaxMs: 1500 }).run([change], ORDER);
    await expect(running).rejects.toThrow('Cannot search: it took over 1500 ms');
  });

  it('takes what nobody has caught for a finding, and not for its own end', async () => {
    const find = 'pair.begin(control);';
    const replace = `${find} void Promise.reject(new Error('nobody cares'));`;
    const change = { file: 'jobs/mirror/mirror.js', find, replace };
    const { found } = await mutantRunner().run([change], ORDER);
    expect(found?.violation).toMatchObject({
      invariant: 'the program is right about itself',
      found: 'Error: nobody cares',
    });
  });

  it('says so when the program is not built', async () => {
    const dist = await mkdtemp(join(tmpdir(), 'mirrordisk-empty-'));
    try {
      await expect(mutantRunner({ dist }).run([], ORDER)).rejects.toThrow('it is not built');
    } finally {
      await rm(dist, { recursive: true });
    }
  });
});
