import { describe, expect, it } from 'vitest';
import { reportFailure } from '../../src/sim/failure-report.ts';
import { drawWorld, swarm } from '../../src/sim/swarm.ts';
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

  it('draws the same world for the same seed, and others for others', () => {
    expect(drawWorld(3).scenario).toEqual(drawWorld(3).scenario);
    const drawn = Array.from({ length: 60 }, (_, seed) => drawWorld(seed).scenario);
    expect(new Set(drawn.map(({ sectors }) => sectors)).size).toBeGreaterThan(5);
    expect(new Set(drawn.map(({ mirror }) => mirror['copyMode'])).size).toBe(3);
    expect(drawn.filter(({ faults }) => faults.length > 0).length).toBeGreaterThan(10);
  });
});
