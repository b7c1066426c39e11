import { describe, expect, it } from 'vitest';
import { Backoff } from '../../../src/jobs/mirror/backoff.ts';

describe('Backoff', () => {
  it('does not wait before anything has failed', () => {
    expect(new Backoff().delayMs(5000)).toBe(0);
  });

  it('waits twice as long after each failure, from 10 ms up to one second', () => {
    const backoff = new Backoff();
    const delays: number[] = [];
    for (let nowMs = 0, count = 0; count < 10; count += 1) {
      backoff.fail(nowMs);
      delays.push(backoff.delayMs(nowMs));
      nowMs += backoff.delayMs(nowMs);
    }
    expect(delays).toEqual([10, 20, 40, 80, 160, 320, 640, 1000, 1000, 1000]);
  });

  it('counts the time that has passed since, and never less than none', () => {
    const backoff = new Backoff();
    backoff.fail(1000);
    expect([1000, 1004, 1010, 9000].map((nowMs) => backoff.delayMs(nowMs))).toEqual([10, 6, 0, 0]);
  });

  it('begins anew after a success, at once', () => {
    const backoff = new Backoff();
    for (let count = 0; count < 5; count += 1) backoff.fail(0);
    backoff.succeed();
    expect(backoff.delayMs(0)).toBe(0);
    backoff.fail(0);
    expect(backoff.delayMs(0)).toBe(10);
  });
});
