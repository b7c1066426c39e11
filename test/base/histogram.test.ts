import { describe, expect, it } from 'vitest';
import { LatencyHistogram } from '../../src/base/histogram.ts';
import { type Random, seededRandom } from '../../src/base/random.ts';

const HOUR_MS = 3_600_000;
const PERCENTS = [0, 0.1, 1, 10, 25, 50, 75, 90, 99, 99.9, 99.99, 100];
/** Half of a bucket, which is a 64th of its octave. */
const ERROR_MAX = 1 / 128;

function histogramOf(latencies: Iterable<number>): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const ms of latencies) histogram.record(ms);
  return histogram;
}

function summaryOf(histogram: LatencyHistogram): Record<string, number> {
  const { count, meanMs, minMs, maxMs } = histogram;
  const percentiles = PERCENTS.map((percent) => [`p${percent}`, histogram.percentile(percent)]);
  return { count, meanMs, minMs, maxMs, ...Object.fromEntries(percentiles) };
}

/** The same by sorting, which is exact. */
function exactPercentile(latencies: readonly number[], percent: number): number {
  const sorted = latencies.toSorted((a, b) => a - b);
  const rank = Math.max(Math.ceil((percent * sorted.length) / 100), 1);
  return sorted[rank - 1] ?? 0;
}

const DISTRIBUTIONS: Readonly<Record<string, (random: Random) => number>> = {
  'spread over all magnitudes': (random) => 1e-4 * (HOUR_MS / 1e-4) ** random.fraction(),
  'all about the same': (random) => 0.08 + 0.01 * random.fraction(),
  'fast with a few slow ones': (random) =>
    random.below(100) === 0 ? 50 + random.fraction() * 200 : 0.02 + random.fraction() * 0.1,
  'whole milliseconds': (random) => random.below(40),
};

describe('LatencyHistogram', () => {
  it('says 0 of everything while it is empty', () => {
    expect(new Set(Object.values(summaryOf(new LatencyHistogram())))).toEqual(new Set([0]));
  });

  it('says of one latency what it is', () => {
    const histogram = histogramOf([0.123]);
    for (const percent of PERCENTS) expect(histogram.percentile(percent)).toBe(0.123);
    expect([histogram.meanMs, histogram.minMs, histogram.maxMs]).toEqual([0.123, 0.123, 0.123]);
  });

  it.each(Object.entries(DISTRIBUTIONS))(
    'is off by less than 1 percent when latencies are %s',
    (_, draw) => {
      const random = seededRandom(7);
      const latencies = Array.from({ length: 20_001 }, () => draw(random));
      const histogram = histogramOf(latencies);
      for (const percent of PERCENTS) {
        const exact = exactPercentile(latencies, percent);
        const error = Math.abs(histogram.percentile(percent) - exact);
        expect(error, `p${percent} of ${exact}`).toBeLessThanOrEqual(exact * ERROR_MAX);
      }
      const sum = latencies.reduce((total, ms) => total + ms, 0);
      expect(histogram.meanMs).toBeCloseTo(sum / latencies.length, 9);
      expect(histogram.count).toBe(20_001);
    },
  );

  it('is off by no more at any value from 100 ns to an hour', () => {
    for (let ms = 1e-4; ms <= HOUR_MS; ms *= 1.0037) {
      const histogram = histogramOf([0, ms, ms, 2 * HOUR_MS]);
      expect(Math.abs(histogram.percentile(50) - ms)).toBeLessThanOrEqual(ms * ERROR_MAX);
    }
  });

  it('tells apart the two sides of a bucket and of an octave', () => {
    for (const boundary of [2 ** -14, 2 ** -13, 0.5, 1, 1 + 1 / 64, 2 - 1 / 64, 1024]) {
      const below = boundary * (1 - 2 ** -50);
      const [low, high] = [below, boundary].map((ms) =>
        histogramOf([0, ms, ms, HOUR_MS]).percentile(50),
      );
      expect(low).toBeLessThan(high ?? 0);
    }
  });

  it('never says less than the shortest or more than the longest', () => {
    const histogram = histogramOf([1.0001, 1.0001, 1.0002]);
    for (const percent of PERCENTS) {
      expect(histogram.percentile(percent)).toBeGreaterThanOrEqual(1.0001);
      expect(histogram.percentile(percent)).toBeLessThanOrEqual(1.0002);
    }
  });

  it('counts what is below 61 ns, as under a clock that stands still', () => {
    const histogram = histogramOf([0, 0, 2 ** -17, 4]);
    expect([histogram.percentile(50), histogram.percentile(75)]).toEqual([0, 0]);
    expect([histogram.count, histogram.minMs, histogram.meanMs]).toEqual([4, 0, 1 + 2 ** -19]);
  });

  it('counts what is above 70 minutes', () => {
    const histogram = histogramOf([1, 2 * HOUR_MS, 3 * HOUR_MS]);
    expect([histogram.percentile(50), histogram.maxMs]).toEqual([3 * HOUR_MS, 3 * HOUR_MS]);
    expect(histogram.meanMs).toBeCloseTo((5 * HOUR_MS + 1) / 3, 3);
  });

  it('merges to what one histogram of both would say', () => {
    const random = seededRandom(3);
    const draw = DISTRIBUTIONS['fast with a few slow ones'] ?? (() => 0);
    const [left, right] = [3000, 500].map((length) => Array.from({ length }, () => draw(random)));
    const both = histogramOf([0, ...(left ?? [])]);
    both.merge(histogramOf([0, 0, ...(right ?? []), 2 * HOUR_MS]));
    const { meanMs, ...merged } = summaryOf(both);
    const { meanMs: expectedMeanMs, ...expected } = summaryOf(
      histogramOf([0, 0, 0, ...(left ?? []), ...(right ?? []), 2 * HOUR_MS]),
    );
    expect(merged).toEqual(expected);
    expect(meanMs).toBeCloseTo(expectedMeanMs ?? 0, 9);
  });

  it('merges what is below 61 ns', () => {
    const histogram = histogramOf([1, 2]);
    histogram.merge(histogramOf([0, 0, 0]));
    expect([40, 60, 80].map((percent) => histogram.percentile(percent) < 0.5)).toEqual([
      true,
      true,
      false,
    ]);
  });

  it('stays as it is when an empty one is merged in', () => {
    const histogram = histogramOf([1, 2, 3]);
    const before = summaryOf(histogram);
    histogram.merge(new LatencyHistogram());
    expect(summaryOf(histogram)).toEqual(before);
  });

  it('is as new after a reset', () => {
    const histogram = histogramOf([0, 1, 2, 2 * HOUR_MS]);
    histogram.reset();
    expect(summaryOf(histogram)).toEqual(summaryOf(new LatencyHistogram()));
    for (const ms of [3, 4, 5]) histogram.record(ms);
    expect(summaryOf(histogram)).toEqual(summaryOf(histogramOf([3, 4, 5])));
  });

  it.each([-0.001, Number.NaN, Number.POSITIVE_INFINITY])('rejects a latency of %d', (ms) => {
    const histogram = new LatencyHistogram();
    expect(() => histogram.record(ms)).toThrow(RangeError);
    expect(histogram.count).toBe(0);
  });

  it.each([-1, 100.1, Number.NaN])('rejects a percentile of %d', (percent) => {
    expect(() => histogramOf([1]).percentile(percent)).toThrow(RangeError);
  });
});
