import { describe, expect, it } from 'vitest';
import { carryOut, type SearchOrder } from '../../../src/sim/museum/search.ts';
import { scenario } from '../../../src/sim/scenario.ts';
import { settle } from '../../support/settle.ts';
import { write } from '../worlds.ts';

function ask(order: SearchOrder) {
  let nowMs = 0;
  const tools = { settle, nowMs: () => (nowMs += 1000) };
  return carryOut(order, tools);
}

/** A world that has no time to end. */
const HURRIED = scenario({ stepsMax: 8, guest: { requests: [write(0)] } });
const EXPLORE = { type: 'explore', finds: [], executionsMax: 1000, minimises: true } as const;

describe('carryOut()', () => {
  it('proves a world, and tells what that took', async () => {
    const world = scenario({ sectors: 1 });
    const finding = await ask({ ...EXPLORE, scenario: world });
    expect(finding).toMatchObject({ verdict: 'proved', seconds: 1 });
    expect(finding.executions).toBeGreaterThan(0);
    expect(finding.found).toBeUndefined();
  });

  it('tells of a run that breaks a promise: its schedule, its moves and its timeline', async () => {
    const { verdict, found } = await ask({ ...EXPLORE, scenario: HURRIED });
    expect(verdict).toBe('violated');
    expect(found?.violation.invariant).toBe('I17 everything ends');
    expect(found?.moves).toHaveLength(found?.schedule.length ?? -1);
    expect(found?.entries.length).toBeGreaterThan(5);
    expect(found?.timeline).toContain('I17 everything ends');
    // It goes from thread to thread.
    expect(structuredClone(found)).toEqual(found);
  });

  it('leaves the scenario as it is, which without its bug must be without fault', async () => {
    const { found } = await ask({ ...EXPLORE, scenario: HURRIED });
    expect(found?.scenario).toEqual(HURRIED);
  });

  it('says so when it hits its bound', async () => {
    const world = scenario({ guest: { requests: [write(0), write(1)] } });
    const finding = await ask({ ...EXPLORE, scenario: world, executionsMax: 3 });
    expect(finding).toMatchObject({ verdict: 'bounded', executions: 3 });
  });

  it('finds nothing in worlds drawn by chance', async () => {
    const finding = await ask({ type: 'swarm', firstSeed: 1, count: 20 });
    expect(finding).toMatchObject({ verdict: 'bounded', executions: 20 });
  });
});
