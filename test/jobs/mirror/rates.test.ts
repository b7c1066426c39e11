import { describe, expect, it } from 'vitest';
import { RateMeter } from '../../../src/jobs/mirror/rates.ts';

describe('RateMeter', () => {
  it('takes both rates from the two counters of a job', () => {
    const meter = new RateMeter();
    meter.sample({ offset: 0, len: 1000 }, 0);
    const rates = meter.rates({ offset: 300, len: 1100 }, 1000);
    expect(rates).toEqual({ copyRate: 300, dirtyRate: 100, secondsLeft: 4, outlook: 'converges' });
  });

  it('says that a mirror stalls when the guest dirties as fast as it is copied', () => {
    const meter = new RateMeter();
    meter.sample({ offset: 0, len: 1000 }, 0);
    const rates = meter.rates({ offset: 300, len: 1300 }, 1000);
    expect(rates).toMatchObject({ secondsLeft: undefined, outlook: 'stalls' });
  });

  it('converges when nothing is left, whatever the rates', () => {
    const meter = new RateMeter();
    meter.sample({ offset: 0, len: 0 }, 0);
    const rates = meter.rates({ offset: 500, len: 500 }, 1000);
    expect(rates).toMatchObject({ secondsLeft: 0, outlook: 'converges' });
  });

  it('knows nothing before time has passed, and never divides by it', () => {
    const rates = new RateMeter().rates({ offset: 0, len: 1000 }, 5);
    expect(rates).toEqual({
      copyRate: 0,
      dirtyRate: 0,
      secondsLeft: undefined,
      outlook: 'unknown',
    });
  });

  it.each(['sample', 'rates'] as const)('forgets what is older than its window in %s', (notice) => {
    const meter = new RateMeter();
    meter.sample({ offset: 0, len: 1e6 }, 0);
    for (let ms = 1000; ms <= 10_000; ms += 100) meter[notice]({ offset: 1000, len: 1e6 }, ms);
    expect(meter.rates({ offset: 1000, len: 1e6 }, 10_000).copyRate).toBe(0);
  });

  it('counts from the last sample that is older than its window', () => {
    for (const [nowMs, copyRate] of [
      [4000, 250],
      [4001, 0],
    ] as const) {
      const meter = new RateMeter();
      meter.sample({ offset: 0, len: 1e6 }, 0);
      meter.sample({ offset: 1000, len: 1e6 }, 1000);
      expect(meter.rates({ offset: 1000, len: 1e6 }, nowMs).copyRate).toBe(copyRate);
    }
  });

  it('remembers the best copy rate', () => {
    const meter = new RateMeter();
    meter.sample({ offset: 0, len: 1000 }, 0);
    meter.sample({ offset: 500, len: 1000 }, 1000);
    meter.sample({ offset: 510, len: 1000 }, 2000);
    expect(meter.bestCopyRate).toBe(500);
  });

  it('says that a mirror diverges when more is dirtied than is copied', () => {
    const meter = new RateMeter();
    meter.sample({ offset: 0, len: 1000 }, 0);
    const rates = meter.rates({ offset: 300, len: 1400 }, 1000);
    expect(rates).toMatchObject({ copyRate: 300, dirtyRate: 400, outlook: 'diverges' });
    expect(rates.secondsLeft).toBeUndefined();
  });

  it('takes a difference of a twentieth for none', () => {
    for (const [dirtied, outlook] of [
      [949, 'converges'],
      [951, 'stalls'],
      [1049, 'stalls'],
      [1051, 'diverges'],
    ] as const) {
      const meter = new RateMeter();
      meter.sample({ offset: 0, len: 5000 }, 0);
      expect(meter.rates({ offset: 1000, len: 5000 + dirtied }, 1000).outlook).toBe(outlook);
    }
  });

  it('diverges where nothing is copied but something dirtied, and else knows nothing', () => {
    const meter = new RateMeter();
    meter.sample({ offset: 0, len: 1000 }, 0);
    expect(meter.rates({ offset: 0, len: 2000 }, 1000).outlook).toBe('diverges');
    const resting = new RateMeter();
    resting.sample({ offset: 0, len: 1000 }, 0);
    expect(resting.rates({ offset: 0, len: 1000 }, 1000).outlook).toBe('unknown');
  });

  it('takes no dirtying for less than none when what remains is found to be less', () => {
    const meter = new RateMeter();
    meter.sample({ offset: 0, len: 1000 }, 0);
    expect(meter.rates({ offset: 100, len: 900 }, 1000).dirtyRate).toBe(0);
  });

  it('looks at a tenth of a second at least between two samples', () => {
    const meter = new RateMeter();
    meter.sample({ offset: 0, len: 1e6 }, 0);
    for (let ms = 1; ms < 100; ms += 1) meter.sample({ offset: 1e5, len: 1e6 }, ms);
    expect(meter.bestCopyRate).toBe(0);
    meter.sample({ offset: 1e5, len: 1e6 }, 100);
    expect(meter.bestCopyRate).toBe(1e6);
  });

  it('begins anew after a reset, but for the best rate', () => {
    const meter = new RateMeter();
    meter.sample({ offset: 0, len: 1000 }, 0);
    meter.sample({ offset: 500, len: 1000 }, 1000);
    meter.reset();
    meter.sample({ offset: 500, len: 1000 }, 1000);
    expect(meter.rates({ offset: 600, len: 1000 }, 2000).copyRate).toBe(100);
    expect(meter.bestCopyRate).toBe(500);
  });
});
