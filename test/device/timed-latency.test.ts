import { describe, expect, it } from 'vitest';
import { TimedLatency } from '../../src/device/timed-latency.ts';
import { FakeClock } from '../support/fake-clock.ts';

function timed() {
  const clock = new FakeClock();
  return { clock, latency: new TimedLatency(clock, 1000) };
}

describe('timed latencies', () => {
  it('are all 0 where nothing was recorded', () => {
    expect(timed().latency.summary()).toEqual({ minMs: 0, maxMs: 0, meanMs: 0, queueDepth: 0 });
  });

  it('tell the shortest, the longest and the mean', () => {
    const { latency } = timed();
    for (const ms of [4, 1, 7]) latency.record(ms);
    expect(latency.summary()).toMatchObject({ minMs: 1, maxMs: 7, meanMs: 4 });
  });

  it('still know at the change of a window what was in its second half', () => {
    const { clock, latency } = timed();
    latency.record(2);
    clock.pass(600);
    expect(latency.summary().maxMs).toBe(2);
    latency.record(5);
    clock.pass(500);
    expect(latency.summary()).toMatchObject({ minMs: 5, maxMs: 5 });
  });

  it('forget what is older than a window, however long ago that was', () => {
    const { clock, latency } = timed();
    latency.record(2);
    clock.pass(12_345);
    expect(latency.summary().maxMs).toBe(0);
  });

  it('tell how many requests were under way: the time they took by the time that passed', () => {
    const { clock, latency } = timed();
    // The window that is told of began half a second before the object was made.
    clock.pass(250);
    latency.record(300);
    expect(latency.summary().queueDepth).toBeCloseTo(300 / 750);
  });
});
