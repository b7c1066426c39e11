import { describe, expect, it } from 'vitest';
import { RateMeter } from '../../src/workload/rate-meter.ts';

describe('RateMeter', () => {
  it('counts what happened in the last second', () => {
    const meter = new RateMeter(0);
    for (let nowMs = 0; nowMs < 3000; nowMs += 1) meter.record(nowMs);
    expect(meter.perSecond(3000)).toBe(1000);
    expect(meter.perSecond(3050)).toBe(1000);
    expect(meter.perSecond(3500)).toBe(500);
    expect(meter.perSecond(4100)).toBe(0);
  });

  it('takes what there is while there is no second yet', () => {
    const meter = new RateMeter(5000);
    expect(meter.perSecond(5000)).toBe(0);
    for (let count = 0; count < 30; count += 1) meter.record(5010);
    expect(meter.perSecond(5300)).toBe(100);
  });

  it('forgets everything in a long pause', () => {
    const meter = new RateMeter(0);
    meter.record(100);
    meter.record(100_000);
    expect(meter.perSecond(100_100)).toBe(1);
  });
});
