import { describe, expect, it } from 'vitest';
import { BlockError } from '../../../src/base/errors.ts';
import { checkOptions, checkSpeed, type MirrorOptions } from '../../../src/jobs/mirror/options.ts';
import { nodeOf, TestDisk } from '../../support/drivers.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

/** A target that allocates in clusters of some size, or in none. */
function targetOf(clusterSize?: number) {
  const disk = new TestDisk({ size: 4096 });
  return nodeOf(clusterSize === undefined ? disk : Object.assign(disk, { clusterSize }));
}

function check(options: MirrorOptions, clusterSize?: number) {
  return checkOptions(options, targetOf(clusterSize));
}

function refusalOf(options: MirrorOptions): BlockError {
  try {
    check(options);
  } catch (error) {
    if (error instanceof BlockError) return error;
  }
  throw new Error('it was not refused');
}

describe('what is not given', () => {
  it('is as QEMU has it', () => {
    expect(check({})).toEqual({
      sync: 'full',
      copyMode: 'background',
      granularity: 64 * KiB,
      bufSize: 16 * MiB,
      speed: 0,
      limits: 'initial-copy',
      onSourceError: 'report',
      onTargetError: 'report',
      unmap: true,
      targetIsZero: false,
      targetBacking: 'keep',
      latencyBudgetMs: 20,
    });
  });

  it('is the same when 0 is given for a size', () => {
    expect(check({ granularity: 0, bufSize: 0, speed: 0 })).toEqual(check({}));
  });
});

describe('the granularity', () => {
  it.each([
    [undefined, 64 * KiB],
    [512, 4 * KiB],
    [4 * KiB, 4 * KiB],
    [32 * KiB, 32 * KiB],
    [64 * KiB, 64 * KiB],
    [2 * MiB, 64 * KiB],
  ])('for a target with clusters of %s bytes is by default %i', (clusterSize, granularity) => {
    expect(check({}, clusterSize).granularity).toBe(granularity);
  });

  it.each([512, 1024, 64 * KiB, 64 * MiB])('may be %i bytes', (granularity) => {
    expect(check({ granularity }).granularity).toBe(granularity);
  });

  it.each([1, 256, 511, 128 * MiB, 64 * MiB + 1, -512, Number.NaN, Number.POSITIVE_INFINITY])(
    'must not be %d: it is out of range',
    (granularity) => {
      const reason = "Parameter 'granularity' expects a value in range [512B, 64MB]";
      const { code, message } = refusalOf({ granularity });
      expect([code, message]).toEqual(['EINVAL', `Cannot start the mirror: ${reason}`]);
    },
  );

  it.each([513, 3000, 768, 64 * MiB - 1, 512.5])('must not be %d: no power of 2', (granularity) => {
    const { code, message } = refusalOf({ granularity });
    expect(code).toBe('EINVAL');
    expect(message).toBe("Cannot start the mirror: Parameter 'granularity' expects a power of 2");
  });

  it('is checked for its range before it is checked for a power of 2', () => {
    expect(refusalOf({ granularity: 100 }).message).toContain('range');
  });
});

describe('the buffer', () => {
  it.each([
    [1, 64 * KiB, 64 * KiB],
    [64 * KiB, 64 * KiB, 64 * KiB],
    [100_000, 64 * KiB, 128 * KiB],
    [700, 512, 1024],
    [16 * MiB + 1, 512, 16 * MiB + 512],
    // Of a larger granule no more than a mebibyte is copied at a time.
    [1, 64 * MiB, MiB],
    [3 * MiB - 5, 64 * MiB, 3 * MiB],
  ])('of %i bytes is rounded up, with a granularity of %i, to %i', (bufSize, granularity, size) => {
    expect(check({ bufSize, granularity }).bufSize).toBe(size);
  });

  it.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('must not be %d', (bufSize) => {
    const { code, message } = refusalOf({ bufSize });
    expect([code, message]).toEqual([
      'EINVAL',
      "Cannot start the mirror: Invalid parameter 'buf-size'",
    ]);
  });
});

describe('the speed', () => {
  it.each([0, 1, 64 * KiB, Number.MAX_SAFE_INTEGER])('may be %i', (speed) => {
    expect(check({ speed }).speed).toBe(speed);
    checkSpeed(speed);
  });

  it.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])('must not be %d', (speed) => {
    const reason = "Parameter 'speed' expects a non-negative value";
    expect(() => checkSpeed(speed)).toThrow(`Cannot start the mirror: ${reason}`);
  });
});

describe('the latency budget', () => {
  it.each([0.5, 1])('may be %d ms', (latencyBudgetMs) => {
    expect(check({ latencyBudgetMs }).latencyBudgetMs).toBe(latencyBudgetMs);
  });

  it.each([0, -1, Number.NaN])('must not be %d ms', (latencyBudgetMs) => {
    const { code, message } = refusalOf({ latencyBudgetMs });
    expect(code).toBe('EINVAL');
    expect(message).toContain("Parameter 'latency-budget-ms' expects a positive value");
  });
});

describe('what is given', () => {
  it('is kept', () => {
    const given = {
      sync: 'top',
      copyMode: 'adaptive',
      granularity: 4096,
      bufSize: 8192,
      speed: 5,
      limits: 'everything',
      onSourceError: 'ignore',
      onTargetError: 'enospc',
      unmap: false,
      targetIsZero: true,
      targetBacking: 'source',
      latencyBudgetMs: 3,
      replaces: 'a',
      filterNodeName: 'b',
    } as const;
    expect(check(given)).toEqual(given);
  });
});
