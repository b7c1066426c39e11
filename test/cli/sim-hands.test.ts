import { describe, expect, it } from 'vitest';
import { handsFor, localHand } from '../../src/cli/sim-hands.ts';
import { exploreWork } from '../../src/cli/sim-work.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { scenario } from '../../src/sim/scenario.ts';
import { forgetfulTarget } from '../sim/broken.ts';
import { write } from '../sim/worlds.ts';

const { clock } = nodeEnv();
const LARGE = scenario({ name: 'large', guest: { requests: [write(0), write(1), write(0)] } });
const TASK = { scenario: LARGE, pruning: 'visible', executionsMax: 100_000 } as const;

describe('a hand in this thread', { timeout: 60_000 }, () => {
  it('is the only one when one is asked for, or when worlds are special', () => {
    expect(handsFor('explore', { threads: 1, clock })).toHaveLength(1);
    const world = { wrap: forgetfulTarget };
    expect(handsFor('explore', { threads: 8, clock, world })).toHaveLength(1);
  });

  it('tells how far it is, and ends with that when it is stopped', async () => {
    const hand = localHand(exploreWork, clock);
    const seen: number[] = [];
    const result = await hand.do(TASK, ({ executions }) => {
      seen.push(executions);
      hand.stop();
    });
    expect(result).toMatchObject({ world: 'large', verdict: 'bounded' });
    expect(seen).toHaveLength(1);
    expect(result.executions).toBeGreaterThan(seen[0] ?? 0);
  });

  it('does the next task after it was stopped', async () => {
    const hand = localHand(exploreWork, clock, { wrap: forgetfulTarget });
    hand.stop();
    const result = await hand.do(TASK, () => {});
    expect(result).toMatchObject({ verdict: 'violated', failure: { scenario: LARGE } });
    await hand.close();
  });
});
