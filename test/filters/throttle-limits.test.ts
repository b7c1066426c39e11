import { describe, expect, it } from 'vitest';
import { checkLimits, type ThrottleLimits } from '../../src/filters/throttle-limits.ts';

const BOTH = 'bps/iops/max total values and read/write values cannot be used at the same time';

function refusalOf(limits: ThrottleLimits): string {
  try {
    checkLimits(limits);
  } catch (error) {
    expect(error).toMatchObject({ code: 'EINVAL' });
    return String((error as Error).message).replace('Cannot set the throttle limits: ', '');
  }
  return 'fine';
}

describe('limits of a throttle group', () => {
  it('are none at all when none is given', () => {
    const { buckets, operationSize } = checkLimits({});
    expect(operationSize).toBe(0);
    for (const bucket of Object.values(buckets)) {
      expect(bucket).toEqual({ average: 0, max: 0, maxLength: 1 });
    }
  });

  it('take their average, burst and its length from the three names of a kind', () => {
    const limits = { 'bps-read': 10, 'bps-read-max': 20, 'bps-read-max-length': 3 };
    const { buckets, operationSize } = checkLimits({
      ...limits,
      'iops-write': 7,
      'iops-size': 4096,
    });
    expect(buckets['bps-read']).toEqual({ average: 10, max: 20, maxLength: 3 });
    expect(buckets['iops-write']).toEqual({ average: 7, max: 0, maxLength: 1 });
    expect(buckets['bps-write'].average).toBe(0);
    expect(operationSize).toBe(4096);
  });

  it.each<[string, ThrottleLimits]>([
    [BOTH, { 'bps-total': 1, 'bps-read': 1 }],
    [BOTH, { 'iops-total': 1, 'iops-write': 1 }],
    [BOTH, { 'bps-total': 1, 'bps-total-max': 1, 'bps-write-max': 1 }],
    ['fine', { 'bps-total': 1, 'iops-read': 1, 'iops-write': 1 }],
    ['fine', { 'bps-total': 0, 'bps-read': 1 }],
    ['iops size requires an iops value to be set', { 'iops-size': 1, 'bps-total': 1 }],
    ['fine', { 'iops-size': 1, 'iops-write': 1 }],
    ['bps/iops/max values must be within [0, 1000000000000000]', { 'bps-total': 1e15 + 1 }],
    ['fine', { 'bps-total': 1e15 }],
    ['the burst length cannot be 0', { 'bps-read': 1, 'bps-read-max-length': 0 }],
    ['burst length set without burst rate', { 'bps-read': 1, 'bps-read-max-length': 2 }],
    ['fine', { 'bps-read': 1, 'bps-read-max-length': 1 }],
    [
      'burst length too high for this burst rate',
      { 'bps-read': 1, 'bps-read-max': 1e15, 'bps-read-max-length': 2 },
    ],
    ['bps_max/iops_max require corresponding bps/iops values', { 'iops-read-max': 5 }],
    ['bps_max/iops_max cannot be lower than bps/iops', { 'iops-read': 6, 'iops-read-max': 5 }],
    ['fine', { 'iops-read': 5, 'iops-read-max': 5 }],
    [
      'iops-total-max-length value must be in the range [0, 4294967295]',
      { 'iops-total': 1, 'iops-total-max': 1, 'iops-total-max-length': 2 ** 32 },
    ],
  ])('are answered as by QEMU: %s', (answer, limits) => {
    expect(refusalOf(limits)).toBe(answer);
  });

  it('are whole numbers and known by name', () => {
    expect(refusalOf({ 'bps-total': -1 })).toMatch(/must be within \[0, 1000000000000000\]$/);
    expect(refusalOf({ 'bps-total-max-length': -1 })).toMatch(/in the range \[0, 4294967295\]$/);
    expect(refusalOf({ 'bps-total': 1.5 })).toMatch(/expected: integer$/);
    const misnamed: object = { 'bps-all': 5 };
    expect(refusalOf(misnamed)).toMatch(/'limits.bps-all' is unexpected$/);
  });
});
