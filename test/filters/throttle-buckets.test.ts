import { describe, expect, it } from 'vitest';
import { type Direction, ThrottleBuckets } from '../../src/filters/throttle-buckets.ts';
import { checkLimits, type ThrottleLimits } from '../../src/filters/throttle-limits.ts';

/** When requests pass, one after the other, each as soon as it may. */
function passesOf(limits: ThrottleLimits, sizes: readonly number[], direction: Direction = 'read') {
  const buckets = new ThrottleBuckets(checkLimits(limits));
  let nowMs = 5000;
  return sizes.map((size) => {
    nowMs += buckets.delayMs(direction, nowMs);
    buckets.take(direction, size, nowMs);
    return nowMs - 5000;
  });
}

/** How much passes in the seconds after a start, by requests of one size. */
function perSecond(limits: ThrottleLimits, size: number, seconds: number): readonly number[] {
  const count = new Array<number>(seconds).fill(0);
  const buckets = new ThrottleBuckets(checkLimits(limits));
  for (let nowMs = 0; ; ) {
    nowMs += buckets.delayMs('read', nowMs);
    const second = Math.floor(nowMs / 1000);
    if (second >= seconds) return count;
    count[second] = (count[second] ?? 0) + size;
    buckets.take('read', size, nowMs);
  }
}

describe('leaky buckets', () => {
  it('let everything pass at once without a limit', () => {
    expect(passesOf({}, [1e9, 1e9, 1e9])).toEqual([0, 0, 0]);
    expect(passesOf({ 'bps-write': 1 }, [1e9, 1e9])).toEqual([0, 0]);
  });

  it('let a tenth of a second through at once, then the average', () => {
    // 100 fit; the second request makes it 120, and 20 leak out in 200 ms.
    expect(passesOf({ 'bps-total': 1000 }, [60, 60, 60, 60])).toEqual([0, 0, 20, 80]);
  });

  it('let a request larger than the bucket pass, and those after it pay', () => {
    expect(passesOf({ 'bps-total': 1000 }, [5000, 1])).toEqual([0, 4900]);
  });

  it('let the burst through at once when it lasts a second', () => {
    const limits = { 'iops-total': 10, 'iops-total-max': 40 };
    const passes = passesOf(limits, new Array(45).fill(512));
    expect(passes.slice(0, 41).every((ms) => ms === 0)).toBe(true);
    expect(passes.slice(41).map(Math.round)).toEqual([100, 200, 300, 400]);
  });

  it('let a longer burst go at its rate, for its length, then the average', () => {
    const limits = { 'bps-total': 1000, 'bps-total-max': 5000, 'bps-total-max-length': 4 };
    const seconds = perSecond(limits, 10, 12);
    // 500 pass at once, then 5000 a second, of which 1000 leak: the bucket of 5000 * 4 is full
    // after 4.875 seconds, and the rest of the fifth goes at the average.
    const expected = [5500, 5000, 5000, 5000, 4500, 1000];
    for (const [second, bytes] of expected.entries()) {
      expect(Math.abs((seconds[second] ?? 0) - bytes), `second ${second}`).toBeLessThanOrEqual(20);
    }
    for (const second of [6, 7, 8, 9, 10, 11]) {
      expect(Math.abs((seconds[second] ?? 0) - 1000)).toBeLessThanOrEqual(10);
    }
  });

  it('give the burst back to who was idle as long as the bucket takes to leak', () => {
    const buckets = new ThrottleBuckets(checkLimits({ 'bps-read': 100, 'bps-read-max': 1000 }));
    buckets.take('read', 1000, 0);
    buckets.take('read', 1, 0);
    expect(buckets.delayMs('read', 0)).toBeCloseTo(10);
    // 500 of the 1001 have leaked out, so 499 fit again.
    buckets.take('read', 499, 5000);
    expect(buckets.delayMs('read', 5000)).toBe(0);
    buckets.take('read', 500, 5000);
    expect(buckets.delayMs('read', 5000)).toBeCloseTo(5000);
    expect(buckets.delayMs('read', 60_000)).toBe(0);
    buckets.take('read', 1000, 60_000);
    expect(buckets.delayMs('read', 60_000)).toBe(0);
  });

  it('are exact within 1 % over any second once bursts are used up', () => {
    const rate = 1_048_576;
    const [, ...later] = perSecond({ 'bps-total': rate }, 4096, 20);
    for (const bytes of later) expect(Math.abs(bytes - rate) / rate).toBeLessThan(0.01);
  });

  it('lose nothing when who waits comes a little late', () => {
    const buckets = new ThrottleBuckets(checkLimits({ 'iops-total': 1000 }));
    let passed = 0;
    for (let nowMs = 0; nowMs < 10_000; ) {
      const delayMs = buckets.delayMs('write', nowMs);
      if (delayMs > 0) nowMs += Math.ceil(delayMs) + 3;
      else {
        buckets.take('write', 1, nowMs);
        passed += 1;
      }
    }
    expect(Math.abs(passed - 10_000)).toBeLessThanOrEqual(105);
  });

  it('are shared by the directions where the total is limited, and else not', () => {
    const total = new ThrottleBuckets(checkLimits({ 'iops-total': 10 }));
    for (let times = 0; times < 3; times += 1) total.take('read', 1, 0);
    expect(total.delayMs('write', 0)).toBeCloseTo(200);
    const apart = new ThrottleBuckets(checkLimits({ 'iops-read': 10, 'iops-write': 10 }));
    for (let times = 0; times < 3; times += 1) apart.take('read', 1, 0);
    expect(apart.delayMs('write', 0)).toBe(0);
    expect(apart.delayMs('read', 0)).toBeCloseTo(200);
  });

  it('wait for the slowest of several limits', () => {
    const both = { 'bps-total': 1000, 'iops-total': 10 };
    expect(passesOf(both, [1, 1, 1])[2]).toBeCloseTo(100);
    expect(passesOf(both, [1, 1000, 1])[2]).toBeCloseTo(901);
  });

  it('count a request longer than iops-size as several', () => {
    const limits = { 'iops-total': 10, 'iops-size': 4096 };
    expect(passesOf(limits, [4096, 1])[1]).toBe(0);
    expect(passesOf(limits, [4096 * 3, 1])[1]).toBeCloseTo(200);
    expect(passesOf(limits, [4096 * 2.5, 1])[1]).toBeCloseTo(150);
  });

  it('do not go by a clock that seems to go back', () => {
    const buckets = new ThrottleBuckets(checkLimits({ 'iops-total': 10 }));
    for (let times = 0; times < 3; times += 1) buckets.take('read', 1, 1000);
    expect(buckets.delayMs('read', 500)).toBeCloseTo(200);
    expect(buckets.delayMs('read', 1000)).toBeCloseTo(200);
    expect(buckets.delayMs('read', 1200)).toBe(0);
  });
});
