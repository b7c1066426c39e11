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

  it('forgets what is older than its window', () => {
    const meter = new RateMeter();
    meter.sample({ offset: 0, len: 1e6 }, 0);
    for (let ms = 1000; ms <= 10_000; ms += 100) meter.sample({ offset: 1000, len: 1e6 }, ms);
    expect(meter.rates({ offset: 1000, len: 1e6 }, 10_000).copyRate).toBe(0);
  });

  it('remembers the best copy rate', () => {
    const meter = new RateMeter();
    meter.sample({ offset: 0, len: 1000 }, 0);
    meter.sample({ offset: 500, len: 1000 }, 1000);
    meter.sample({ offset: 510, len: 1000 }, 2000);
    expect(meter.bestCopyRate).toBe(500);
  });
});
