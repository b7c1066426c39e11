import { describe, expect, it } from 'vitest';
import { reportFailure } from '../../src/sim/failure-report.ts';
import { swarm } from '../../src/sim/swarm.ts';
import { settle } from '../support/settle.ts';
import { forgetfulTarget } from './broken.ts';

describe('a swarm of worlds', { timeout: 60_000 }, () => {
  it('keeps every promise in worlds drawn by chance', async () => {
    const { failure, worlds, ends } = await swarm({ settle, firstSeed: 0, count: 500 });
    expect(failure && (await reportFailure(failure, { settle }))).toBeUndefined();
    expect(worlds).toBe(500);
    expect(Object.keys(ends).sort()).toEqual(['over', 'power cut']);
  });

  it('stops at the first failure, and tells what repeats it', async () => {
    const options = { settle, wrap: forgetfulTarget };
    const { failure } = await swarm({ ...options, firstSeed: 0, count: 500 });
    if (!failure) throw new Error('nothing was found');
    const again = await swarm({ ...options, firstSeed: failure.seed, count: 1 });
    expect(again.failure).toEqual(failure);
  });
});
