import { describe, expect, it } from 'vitest';
import { BlockError } from '../../../src/base/errors.ts';
import { backoffRule, causeRule, stopRule } from '../../../src/sim/oracle/errors.ts';
import type { DiskCall } from '../../../src/sim/turnstile.ts';
import { FakeView } from './fake-view.ts';

const WRITE = { disk: 'target', operation: 'write' } as const;
const STOP = { name: 'BLOCK_JOB_ERROR', operation: 'write', action: 'stop' };

function failed(view: FakeView, call: Partial<DiskCall>) {
  const passage = view.passage(call);
  passage.error = new BlockError('EIO', 'do it', 'it cannot be done');
  return passage;
}

describe('errors have a cause:', () => {
  it('a job does not fail if no disk has', () => {
    const view = new FakeView();
    const rule = view.rule(causeRule);
    rule.heard?.({ name: 'BLOCK_JOB_COMPLETED', error: 'no reason' });
    rule.step?.();
    expect(view.violations).toMatchObject([{ found: 'no reason' }]);
  });

  it('what is told to have failed has', () => {
    const view = new FakeView();
    const rule = view.rule(causeRule);
    rule.answered?.(failed(view, WRITE));
    rule.heard?.(STOP);
    expect(view.broken).toEqual([]);
    rule.heard?.({ ...STOP, operation: 'read' });
    expect(view.violations).toMatchObject([{ expected: 'a failure of the source' }]);
  });

  it('a request of the guest does not fail for nothing', () => {
    const view = new FakeView();
    const record = view.record({}, 1, 2);
    record.ok = false;
    view.rule(causeRule).completed?.(record);
    expect(view.broken).toEqual(['errors have a cause']);
  });
});

describe('a job that is stopped', () => {
  it('rests until it is resumed', () => {
    const view = new FakeView();
    const rule = view.rule(stopRule);
    rule.step?.();
    expect(view.broken).toEqual([]);
    rule.heard?.(STOP);
    rule.step?.();
    expect(view.violations).toMatchObject([{ found: 'a job that is running' }]);
    view.accepted.push('resume');
    rule.step?.();
    expect(view.violations).toHaveLength(1);
  });

  it('does not end while its user has paused it', () => {
    const view = new FakeView();
    view.accepted.push('pause');
    const ending = { name: 'JOB_STATUS_CHANGE', status: 'waiting' };
    view.rule(stopRule).heard?.(ending);
    expect(view.broken).toEqual(['I13 paused is at rest']);
    view.accepted.push('resume');
    view.rule(stopRule).heard?.(ending);
    expect(view.violations).toHaveLength(1);
  });

  it('sends nothing of the guest to the target; what it copies it may write', () => {
    const view = new FakeView({ mirror: { granularity: 512, copyMode: 'write-blocking' } });
    const rule = view.rule(stopRule);
    rule.heard?.(STOP);
    view.record({}, 1);
    rule.arrived?.(view.passage(WRITE));
    expect(view.broken).toEqual([]);
    rule.arrived?.(view.passage({ ...WRITE, origin: 'other' }));
    expect(view.violations).toMatchObject([{ found: 'target write' }]);
  });
});

describe('what has failed', () => {
  /** A rule for a mirror that has read, and fails to write, so many times. */
  function failing(times: number, view = new FakeView()) {
    const rule = view.rule(backoffRule);
    rule.arrived?.(view.passage({}));
    for (let time = 0; time < times; time += 1) rule.answered?.(failed(view, WRITE));
    return { view, rule };
  }

  it.each([
    [1, 10],
    [2, 20],
    [4, 80],
    [20, 1000],
  ])('%d times is tried again %d ms later, and not before', (times, delayMs) => {
    const { view, rule } = failing(times);
    view.nowMs = delayMs - 1;
    rule.arrived?.(view.passage({ offset: 512 }));
    expect(view.broken).toEqual([]);
    rule.arrived?.(view.passage({}));
    expect(view.violations).toMatchObject([{ found: 'source read 1 ms too early' }]);
    view.nowMs = delayMs;
    rule.arrived?.(view.passage({}));
    expect(view.violations).toHaveLength(1);
  });

  it('is not tried again sooner because the guest or the operator did something', () => {
    const { view, rule } = failing(1);
    rule.submitted?.(view.record({ sector: 1 }, 1));
    rule.completed?.(view.record({ sector: 1 }, 1, 2));
    view.accepted.push('set-speed');
    rule.answered?.(view.passage({ ...WRITE, origin: 'other' }));
    rule.arrived?.(view.passage({}));
    expect(view.broken).toEqual(['failures are tried again later']);
  });

  it('may be tried at once where something has succeeded, or by a job that was resumed', () => {
    const { view, rule } = failing(3);
    rule.answered?.(view.passage({ ...WRITE, offset: 512 }));
    rule.arrived?.(view.passage({}));
    rule.answered?.(failed(view, WRITE));
    rule.heard?.({ name: 'JOB_STATUS_CHANGE', status: 'running' });
    rule.arrived?.(view.passage({}));
    expect(view.broken).toEqual([]);
  });

  it('is, of a flush, the flush', () => {
    const { view, rule } = failing(0);
    const flush = { disk: 'target', operation: 'flush' } as const;
    rule.answered?.(failed(view, flush));
    rule.arrived?.(view.passage({}));
    expect(view.broken).toEqual([]);
    rule.arrived?.(view.passage(flush));
    expect(view.violations).toMatchObject([{ found: 'target flush 10 ms too early' }]);
  });
});
