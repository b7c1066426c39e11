import { describe, expect, it } from 'vitest';
import { LatencyBins } from '../../src/device/latency-bins.ts';

describe('latency bins', () => {
  it('count a latency at a boundary above it, in nanoseconds', () => {
    const bins = new LatencyBins([100, 1000]);
    for (const ns of [0, 99, 100, 999, 1000, 5_000_000]) bins.record(ns / 1e6);
    expect(bins.bins).toEqual([2, 2, 2]);
  });

  it('are one for all without boundaries', () => {
    const bins = new LatencyBins([]);
    bins.record(7);
    expect(bins.bins).toEqual([1]);
  });

  it.each([[[0]], [[5, 5]], [[5, 4]]])('refuse boundaries that do not rise: %j', (boundaries) => {
    expect(() => new LatencyBins(boundaries)).toThrow(RangeError);
  });
});
