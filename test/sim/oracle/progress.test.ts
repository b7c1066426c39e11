import { describe, expect, it } from 'vitest';
import { boundRule, pauseRule, progressRule } from '../../../src/sim/oracle/progress.ts';
import { FakeView } from './fake-view.ts';

describe('progress', () => {
  it('never goes back', () => {
    const view = new FakeView();
    const rule = view.rule(progressRule);
    for (const offset of [0, 512, 1024]) {
      view.mirror.progress = { offset, len: 1024 };
      rule.step?.();
    }
    expect(view.broken).toEqual([]);
    view.mirror.progress = { offset: 512, len: 1024 };
    rule.step?.();
    expect(view.broken).toEqual(['I11 progress adds up']);
  });

  it('is what is left, once it is known what there is to do', () => {
    const view = new FakeView();
    const rule = view.rule(progressRule);
    view.dirty.mark(0, 512);
    view.mirror.progress = { offset: 0, len: 1024 };
    rule.step?.();
    expect(view.broken).toEqual([]);
    rule.arrived?.(view.passage({}));
    rule.step?.();
    expect(view.violations).toMatchObject([{ found: '1024' }]);
  });

  it('is of no more than the disk, and what the guest has written since', () => {
    const view = new FakeView({ mirror: { granularity: 512 } });
    const rule = view.rule(progressRule);
    view.mirror.progress = { offset: 0, len: 1024 };
    rule.step?.();
    view.record({}, 1);
    view.mirror.progress = { offset: 0, len: 1536 };
    rule.step?.();
    expect(view.broken).toEqual([]);
    view.mirror.progress = { offset: 0, len: 2560 };
    rule.step?.();
    expect(view.violations).toMatchObject([{ expected: 'len at most 2048', found: '2560' }]);
  });

  it('is whole at the end', () => {
    const view = new FakeView();
    const rule = view.rule(progressRule);
    rule.heard?.({ name: 'BLOCK_JOB_COMPLETED', offset: 512, len: 1024, error: 'EIO' });
    expect(view.broken).toEqual([]);
    rule.heard?.({ name: 'BLOCK_JOB_COMPLETED', offset: 512, len: 1024 });
    expect(view.broken).toEqual(['I11 progress adds up']);
  });
});

describe('copies in flight', () => {
  it('are sixteen at most', () => {
    const view = new FakeView();
    const rule = view.rule(boundRule);
    const arrive = () => {
      const passage = view.passage({ disk: 'target', operation: 'write' });
      view.held.push(passage);
      rule.arrived?.(passage);
    };
    for (let count = 0; count < 16; count += 1) arrive();
    expect(view.broken).toEqual([]);
    arrive();
    expect(view.broken).toEqual(['I12 few copies in flight']);
  });

  it('are none while the job is paused', () => {
    const view = new FakeView();
    const rule = view.rule(pauseRule);
    view.held.push(view.passage({ origin: 'guest' }));
    view.mirror.status = 'paused';
    rule.step?.();
    rule.heard?.({ name: 'JOB_STATUS_CHANGE', status: 'standby' });
    expect(view.broken).toEqual([]);
    view.held.push(view.passage({ origin: 'job' }));
    rule.heard?.({ name: 'JOB_STATUS_CHANGE', status: 'standby' });
    expect(view.broken).toEqual(['I13 paused is at rest']);
  });
});
