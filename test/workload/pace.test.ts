import { describe, expect, it } from 'vitest';
import { closedLoop, openLoop, type Pace } from '../../src/workload/pace.ts';

/** Takes all requests that are due. */
function take(pace: Pace, nowMs: number): number[] {
  const due: number[] = [];
  for (;;) {
    const intendedMs = pace.next(nowMs);
    if (intendedMs === undefined) return due;
    due.push(intendedMs);
  }
}

describe('closedLoop()', () => {
  it('always has a request due, now', () => {
    const pace = closedLoop();
    expect([pace.next(5), pace.next(5), pace.next(7)]).toEqual([5, 5, 7]);
    expect(pace.backlog(100)).toBe(0);
  });
});

describe('openLoop()', () => {
  it('has the first request due at once and the others at equal distances', () => {
    const pace = openLoop(100, 1000);
    expect(take(pace, 1000)).toEqual([1000]);
    expect(pace.dueMs).toBe(1010);
    expect(take(pace, 1009.9)).toEqual([]);
    expect(take(pace, 1040)).toEqual([1010, 1020, 1030, 1040]);
  });

  it('goes by its timetable, however late requests are taken', () => {
    const pace = openLoop(1000, 0);
    expect(take(pace, 0.5)).toEqual([0]);
    expect(take(pace, 3.2)).toEqual([1, 2, 3]);
    expect(take(pace, 4)).toEqual([4]);
  });

  it('makes one batch of what is due within a millisecond', () => {
    const pace = openLoop(4000, 0);
    expect(take(pace, 0.9)).toEqual([0]);
    expect(take(pace, 2)).toEqual([1, 1, 1, 1, 2, 2, 2, 2]);
  });

  it('keeps rates that are no whole number of requests a millisecond', () => {
    for (const rate of [0.5, 333, 1500, 123_456]) {
      const pace = openLoop(rate, 500);
      expect(Math.abs(take(pace, 500 + 10_000).length - 10 * rate)).toBeLessThanOrEqual(1);
    }
  });

  it('knows how many are due and not taken', () => {
    for (const rate of [100, 333, 1500, 4000]) {
      const pace = openLoop(rate, 1000);
      for (const nowMs of [1000, 1000.4, 1011, 1250]) {
        const backlog = pace.backlog(nowMs);
        expect(take(pace, nowMs)).toHaveLength(backlog);
        expect(pace.backlog(nowMs)).toBe(0);
      }
    }
  });

  it('strikes off the oldest', () => {
    const pace = openLoop(1000, 0);
    pace.skip(3);
    expect(take(pace, 5)).toEqual([3, 4, 5]);
  });
});
