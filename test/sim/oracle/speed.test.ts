import { describe, expect, it } from 'vitest';
import { speedRule } from '../../../src/sim/oracle/speed.ts';
import { FakeView } from './fake-view.ts';

const RUNNING = { name: 'JOB_STATUS_CHANGE', status: 'running' };

describe('the speed', () => {
  it('is no more than the limit', () => {
    const view = new FakeView({ mirror: { granularity: 512, speed: 512 } });
    const rule = view.rule(speedRule);
    rule.heard?.(RUNNING);
    for (let second = 0; second < 10; second += 1) {
      view.nowMs = 1000 * second;
      rule.arrived?.(view.passage({}));
    }
    expect(view.broken).toEqual([]);
    for (let more = 0; more < 4; more += 1) rule.arrived?.(view.passage({}));
    expect(view.broken).toEqual(['the speed is kept']);
  });

  it('is anything once the disks have met, or where somebody changes it', () => {
    const mirror = { granularity: 512, speed: 512 };
    const views = [
      new FakeView({ mirror }),
      new FakeView({ mirror, verbs: [{ verb: 'set-speed', value: 0 }] }),
    ];
    for (const view of views) {
      const rule = view.rule(speedRule);
      rule.heard?.(RUNNING);
      rule.heard?.({ name: 'BLOCK_JOB_READY' });
      for (let more = 0; more < 10; more += 1) rule.arrived?.(view.passage({}));
      expect(view.broken).toEqual([]);
    }
  });

  it('counts, where it is one of everything, what the guest writes to both disks', () => {
    const limits = 'everything';
    const view = new FakeView({ mirror: { granularity: 512, speed: 512, limits } });
    const rule = view.rule(speedRule);
    const write = { disk: 'target', operation: 'write', origin: 'other' } as const;
    rule.heard?.(RUNNING);
    rule.heard?.({ name: 'BLOCK_JOB_READY' });
    for (let more = 0; more < 6; more += 1) rule.arrived?.(view.passage(write));
    expect(view.broken).toEqual([]);
    rule.arrived?.(view.passage(write));
    expect(view.violations).toMatchObject([{ found: '3072, and target write' }]);
  });
});
