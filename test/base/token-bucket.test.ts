import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { TokenBucket } from '../../src/base/token-bucket.ts';

describe('TokenBucket', () => {
  it('lets a first request pass at once, of whatever size, and asks its time of the next', () => {
    const bucket = new TokenBucket({ rate: 1000, burstMs: 100 }, 0);
    expect(bucket.delayMs(0)).toBe(0);
    bucket.take(5000, 0);
    expect(bucket.delayMs(0)).toBe(5000);
    expect(bucket.delayMs(4000)).toBe(1000);
    expect(bucket.delayMs(5000)).toBe(0);
  });

  it('saves up what burstMs gives while idle, and no more', () => {
    const bucket = new TokenBucket({ rate: 1000, burstMs: 100 }, 0);
    bucket.take(100, 60_000);
    expect(bucket.delayMs(60_000)).toBe(0);
    bucket.take(50, 60_000);
    expect(bucket.delayMs(60_000)).toBe(50);
  });

  it('gives back what is taken negatively, up to a full bucket', () => {
    const bucket = new TokenBucket({ rate: 1000, burstMs: 100 }, 0);
    bucket.take(500, 0);
    bucket.take(-500, 0);
    expect(bucket.delayMs(0)).toBe(0);
    bucket.take(-500, 0);
    bucket.take(150, 0);
    expect(bucket.delayMs(0)).toBe(50);
  });

  it('never asks for a delay without a limit', () => {
    const bucket = new TokenBucket({ rate: 0, burstMs: 100 }, 0);
    bucket.take(10 ** 12, 0);
    expect(bucket.delayMs(0)).toBe(0);
  });

  it('does not count against a new limit what went through without one', () => {
    const bucket = new TokenBucket({ rate: 0, burstMs: 100 }, 0);
    bucket.take(10 ** 12, 0);
    bucket.setRate(1000, 10_000);
    expect(bucket.rate).toBe(1000);
    expect(bucket.delayMs(10_000)).toBe(0);
    bucket.take(10, 10_000);
    expect(bucket.delayMs(10_000)).toBe(10);
  });

  it('has a debt paid at the new rate once the rate changes', () => {
    const bucket = new TokenBucket({ rate: 1000, burstMs: 100 }, 0);
    bucket.take(3000, 0);
    bucket.setRate(500, 1000);
    expect(bucket.delayMs(1000)).toBe(4000);
    bucket.setRate(2000, 1000);
    expect(bucket.delayMs(1000)).toBe(1000);
  });

  it('forgives a debt when the limit is removed', () => {
    const bucket = new TokenBucket({ rate: 1, burstMs: 100 }, 0);
    bucket.take(10 ** 6, 0);
    bucket.setRate(0, 0);
    bucket.setRate(1, 0);
    expect(bucket.delayMs(0)).toBe(0);
  });

  it('keeps of its savings what fits a lower rate', () => {
    const bucket = new TokenBucket({ rate: 1000, burstMs: 100 }, 0);
    bucket.setRate(100, 60_000);
    bucket.take(20, 60_000);
    expect(bucket.delayMs(60_000)).toBe(100);
  });

  it('earns nothing twice when a time is given that has been before', () => {
    const bucket = new TokenBucket({ rate: 1000, burstMs: 100 }, 0);
    bucket.take(1000, 500);
    expect(bucket.delayMs(400)).toBe(900);
    expect(bucket.delayMs(500)).toBe(900);
  });

  it('is content with the delay it asked for, whatever rounding leaves over', () => {
    // A rest too small to move the clock would keep whoever waits in a loop waiting for ever.
    const random = seededRandom(7);
    for (let round = 0; round < 2000; round += 1) {
      const startMs = random.fraction() * 10 ** random.below(10);
      const bucket = new TokenBucket({ rate: 1 + random.below(10 ** 9), burstMs: 100 }, startMs);
      bucket.take(random.below(10 ** 7), startMs);
      expect(bucket.delayMs(startMs + bucket.delayMs(startMs))).toBe(0);
    }
  });

  it('keeps to its rate in the long run', () => {
    const random = seededRandom(8);
    const bucket = new TokenBucket({ rate: 1_000_000, burstMs: 100 }, 0);
    let nowMs = 0;
    let taken = 0;
    while (taken < 50_000_000) {
      const amount = 1 + random.below(200_000);
      bucket.take(amount, nowMs);
      taken += amount;
      nowMs += bucket.delayMs(nowMs);
    }
    expect(nowMs).toBeCloseTo(taken / 1000, 3);
  });
});
