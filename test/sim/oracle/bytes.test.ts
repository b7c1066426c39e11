import { describe, expect, it } from 'vitest';
import {
  acknowledgementRule,
  activelySyncedRule,
  boundaryRule,
  consistencyRule,
  sourceRule,
} from '../../../src/sim/oracle/bytes.ts';
import { FakeView } from './fake-view.ts';

describe('a clean granule', () => {
  /** A world in which the target differs, after the mirror's first read. */
  function differing(): { view: FakeView; step: () => readonly string[] } {
    const view = new FakeView();
    const rule = view.rule(consistencyRule);
    rule.arrived?.(view.passage({}));
    view.target.bytes.fill(7, 512, 1024);
    return {
      view,
      step: () => {
        rule.step?.();
        return view.broken;
      },
    };
  }

  it('is equal on both disks', () => {
    const { view, step } = differing();
    expect(step()).toEqual(['I1 clean ranges are equal']);
    expect(view.violations[0]?.sector).toBe(1);
  });

  it('may differ before the plan is made', () => {
    const view = new FakeView();
    const rule = view.rule(consistencyRule);
    view.target.bytes.fill(7);
    rule.step?.();
    expect(view.broken).toEqual([]);
  });

  it.each([
    ['dirty', (view: FakeView) => view.dirty.mark(512, 1)],
    ['claimed', (view: FakeView) => Object.assign(view, { claimed: true })],
    ['being written', (view: FakeView) => view.record({ sector: 1 }, 1)],
    ['open by a discard', (view: FakeView) => view.record({ type: 'discard', sector: 1 }, 1, 2)],
    ['of a job that was cancelled', (view: FakeView) => view.accepted.push('cancel-force')],
  ])('may differ when it is %s', (_, change) => {
    const { view, step } = differing();
    change(view);
    expect(step()).toEqual([]);
  });
});

describe('an acknowledged write', () => {
  it.each([
    ['dirty', (view: FakeView) => view.dirty.mark(0, 1), []],
    ['claimed', (view: FakeView) => Object.assign(view, { claimed: true }), []],
    ['equal', (view: FakeView) => view.target.bytes.set(view.source.bytes), []],
    ['about to be marked by another write', (view: FakeView) => view.record({}, 1), []],
    ['forgotten', () => {}, ['I3 acknowledged changes are dirty or copied']],
  ])('is judged when it is %s', (_, change, expected) => {
    const view = new FakeView();
    const rule = view.rule(acknowledgementRule);
    view.source.bytes.fill(7, 0, 512);
    change(view);
    rule.completed?.(view.record({}, 1, 2));
    expect(view.broken).toEqual(expected);
  });
});

describe('the other rules of bytes', () => {
  it('find a request that is not on the disk', () => {
    const view = new FakeView();
    const rule = view.rule(boundaryRule);
    rule.arrived?.(view.passage({ offset: 512, length: 512 }));
    expect(view.broken).toEqual([]);
    rule.arrived?.(view.passage({ offset: 1024, length: 512 }));
    expect(view.broken).toEqual(['I15 within the disk']);
  });

  it('find what is dirty in a mirror that says it is actively synced', () => {
    const view = new FakeView();
    const rule = view.rule(activelySyncedRule);
    view.dirty.mark(0, 1);
    rule.step?.();
    expect(view.broken).toEqual([]);
    view.activelySynced = true;
    rule.step?.();
    expect(view.broken).toEqual(['I16 actively synced is clean']);
  });

  it('find a mirror that writes to its source', () => {
    const view = new FakeView();
    const rule = view.rule(sourceRule);
    rule.arrived?.(view.passage({ operation: 'read' }));
    rule.arrived?.(view.passage({ operation: 'write', origin: 'guest' }));
    expect(view.broken).toEqual([]);
    rule.arrived?.(view.passage({ operation: 'discard' }));
    expect(view.broken).toEqual(['the source is left alone']);
  });
});
