import { describe, expect, it } from 'vitest';
import { endRule, placeRule, readyRule } from '../../../src/sim/oracle/meeting.ts';
import type { Rule } from '../../../src/sim/oracle/rule.ts';
import { FakeView } from './fake-view.ts';

const READY = { name: 'BLOCK_JOB_READY' };
const PENDING = { name: 'JOB_STATUS_CHANGE', status: 'pending' };
const COMPLETED = { name: 'BLOCK_JOB_COMPLETED', offset: 0, len: 0 };

/** A write to the target that was answered and not flushed. */
function writeUnflushed(view: FakeView, rule: Rule): void {
  const write = view.passage({ disk: 'target', operation: 'write' });
  write.answeredAt = 5;
  rule.answered?.(write);
}

function flush(view: FakeView, rule: Rule, arrivedAt: number): void {
  const passage = view.passage({ disk: 'target', operation: 'flush', length: 0 });
  passage.arrivedAt = arrivedAt;
  rule.answered?.(passage);
}

describe('READY', () => {
  it('is true when both are equal, flushed, clean and at rest', () => {
    const view = new FakeView();
    const rule = view.rule(readyRule);
    writeUnflushed(view, rule);
    flush(view, rule, 6);
    rule.heard?.(READY);
    expect(view.broken).toEqual([]);
  });

  it.each([
    ['the target differs', (view: FakeView) => view.target.bytes.fill(1, 0, 512)],
    ['something is dirty', (view: FakeView) => view.dirty.mark(0, 1)],
    ['a copy is in flight', (view: FakeView) => view.held.push(view.passage({}))],
    ['a write is not flushed', writeUnflushed],
    [
      'the flush began before the write ended',
      (view: FakeView, rule: Rule) => {
        writeUnflushed(view, rule);
        flush(view, rule, 4);
      },
    ],
  ])('is not true when %s', (_, change) => {
    const view = new FakeView();
    const rule = view.rule(readyRule);
    change(view, rule);
    rule.heard?.(READY);
    expect(view.broken).toEqual(['I7 ready is true']);
  });
});

describe('the end of the work', () => {
  it('finds a write in flight', () => {
    const view = new FakeView();
    const rule = view.rule(endRule);
    view.held.push(view.passage({ operation: 'write', origin: 'guest' }));
    rule.heard?.(PENDING);
    expect(view.broken).toContain('I8 the end is under a drain');
  });

  it('finds a write to the source before the guest has been switched', () => {
    const view = new FakeView();
    view.accepted.push('complete');
    const rule = view.rule(endRule);
    rule.heard?.(PENDING);
    rule.arrived?.(view.passage({ disk: 'target', operation: 'write', origin: 'guest' }));
    expect(view.broken).toEqual([]);
    rule.arrived?.(view.passage({ operation: 'write', origin: 'guest' }));
    expect(view.broken).toEqual(['I8 the end is under a drain']);
  });

  it('asks the guest, and not the source, what the target must hold', () => {
    const view = new FakeView();
    const rule = view.rule(endRule);
    // Both disks are the same, and both have lost the write.
    view.record({}, 1, 2);
    rule.heard?.(PENDING);
    expect(view.violations).toMatchObject([{ invariant: 'I9 completed is equal', sector: 0 }]);
  });

  it('finds a target that changes after a cancel that has settled', () => {
    const view = new FakeView();
    const rule = view.rule(endRule);
    rule.heard?.(PENDING);
    rule.heard?.(COMPLETED);
    expect(view.broken).toEqual([]);
    const other = view.rule(endRule);
    other.heard?.(PENDING);
    view.target.bytes.fill(0);
    other.heard?.(COMPLETED);
    expect(view.broken).toEqual(['I9 completed is equal']);
  });
});

describe('the guest', () => {
  it('does not get to the target before the work is done', () => {
    const view = new FakeView();
    view.accepted.push('complete');
    const rule = view.rule(placeRule);
    const onTarget = view.passage({ disk: 'target', origin: 'guest' });
    rule.arrived?.(onTarget);
    expect(view.broken).toEqual(['the guest is where it should be']);
    rule.heard?.(PENDING);
    rule.arrived?.(onTarget);
    expect(view.broken).toHaveLength(1);
  });

  it.each([
    ['complete', 'target', true],
    ['complete', 'source', false],
    ['cancel', 'source', true],
    ['cancel', 'target', false],
  ] as const)('is after %s on the %s: %s', (verb, disk, isRight) => {
    const view = new FakeView();
    const rule = view.rule(placeRule);
    view.accepted.push(verb);
    rule.heard?.(PENDING);
    rule.heard?.(COMPLETED);
    view.guestDisk = disk;
    rule.end?.();
    expect(view.broken).toHaveLength(isRight ? 0 : 1);
  });
});
