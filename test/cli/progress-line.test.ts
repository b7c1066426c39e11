import { describe, expect, it } from 'vitest';
import {
  formatLatency,
  progressBar,
  progressLine,
  progressParts,
} from '../../src/cli/progress-line.ts';
import type { MirrorProgress } from '../../src/jobs/mirror/mirror.ts';

const MiB = 1024 * 1024;

/** A mirror of 100 MiB that has copied 40 of them. */
function progress(changes: Partial<MirrorProgress> = {}): MirrorProgress {
  const { offset = 40 * MiB, len = 100 * MiB } = changes;
  return {
    phase: 1,
    offset,
    len,
    remaining: len - offset,
    copyRate: 20 * MiB,
    dirtyRate: 5 * MiB,
    secondsLeft: 4,
    outlook: 'converges',
    activelySynced: false,
    ...changes,
  };
}

const guest = { iops: 1234.5, p99Ms: 2.25 };

describe('progressLine()', () => {
  it('tells of phase 1: bar, share, throughput, dirty bytes, estimate, guest', () => {
    expect(progressLine(progress(), guest)).toBe(
      'phase 1 [########------------] 40.0 % | 20 MiB/s | 60 MiB dirty | 4.0 s left | ' +
        '1235 IOPS | p99 2.3 ms',
    );
  });

  it('tells of phase 2: dirty bytes, both rates, guest', () => {
    expect(progressLine(progress({ phase: 2, remaining: 65_536 }), guest)).toBe(
      'phase 2 [====================] READY | 64 KiB dirty | copied 20 MiB/s | ' +
        'dirtied 5 MiB/s | 1235 IOPS | p99 2.3 ms',
    );
  });

  it('tells of no guest where there is none', () => {
    expect(progressLine(progress(), undefined)).not.toMatch(/IOPS|p99/);
  });

  it('never says 100 % in phase 1, however little is left', () => {
    for (const len of [1, 100 * MiB, 2 ** 50]) {
      for (const offset of [len, len - 1, len * 0.9999]) {
        expect(progressLine(progress({ offset, len }), undefined)).not.toContain('100');
      }
    }
    expect(progressLine(progress({ offset: 100 * MiB }), undefined)).toContain('99.9 %');
  });

  it.each<[string, Partial<MirrorProgress>]>([
    ['starting', { offset: 0, len: 0, copyRate: 0, secondsLeft: undefined }],
    ['starting', { offset: 0, copyRate: 0, secondsLeft: undefined, outlook: 'unknown' }],
    ['flushing', { offset: 100 * MiB, secondsLeft: 0 }],
    ['waiting', { copyRate: 0, secondsLeft: undefined, outlook: 'unknown' }],
    ['guest is faster', { dirtyRate: 30 * MiB, secondsLeft: undefined, outlook: 'diverges' }],
    ['guest as fast', { dirtyRate: 20 * MiB, secondsLeft: undefined, outlook: 'stalls' }],
    ['12 min 5 s left', { secondsLeft: 725 }],
    ['> 99 h left', { secondsLeft: 1e12 }],
    ['> 99 h left', { secondsLeft: Infinity }],
  ])('says "%s" where there is no better estimate: %j', (text, changes) => {
    expect(progressLine(progress(changes), undefined).split(' | ').at(-1)).toBe(text);
  });

  it('never shows what is no number', () => {
    for (const phase of [1, 2] as const) {
      for (const len of [0, 1, 2 ** 53 - 1]) {
        const nothing = { copyRate: 0, dirtyRate: 0, secondsLeft: undefined } as const;
        const line = progressLine(progress({ phase, offset: 0, len, ...nothing }), {
          iops: 0,
          p99Ms: 0,
        });
        expect(line).not.toMatch(/NaN|Infinity|undefined|null/);
      }
    }
  });
});

describe('progressParts()', () => {
  it('keep their lengths while figures change, so that lines do not jump', () => {
    const lengths = (changes: Partial<MirrorProgress>, iops: number) =>
      progressParts(progress(changes), { iops, p99Ms: iops / 100 }, 80).map(({ length }) => length);
    const first = lengths({}, 5);
    expect(lengths({ offset: 0, copyRate: 0, secondsLeft: undefined }, 9999)).toEqual(first);
    expect(lengths({ len: 2 ** 40, copyRate: 999.9 * MiB, secondsLeft: 86_399 }, 0)).toEqual(first);
    const second = lengths({ phase: 2, remaining: 0 }, 5);
    expect(lengths({ phase: 2, remaining: 999.9 * MiB, dirtyRate: 0 }, 9999)).toEqual(second);
  });

  it.each([200, 40, 39, 30, 20, 18])(
    'need no more than %d columns, by a shorter bar',
    (columns) => {
      for (const phase of [1, 2] as const) {
        for (const part of progressParts(progress({ phase, offset: 99 * MiB }), guest, columns)) {
          expect(part.trimEnd().length).toBeLessThanOrEqual(columns);
        }
      }
    },
  );
});

describe('progressBar()', () => {
  it.each([
    [0, '[----------]  0.0 %'],
    [0.0999, '[----------]  9.9 %'],
    [0.5, '[#####-----] 50.0 %'],
    [0.99999, '[#########-] 99.9 %'],
    [1, '[##########] 100.0 %'],
  ])('of %d is rounded down', (share, text) => {
    expect(progressBar(share, 10)).toBe(text);
  });

  it('without a length is the number alone', () => {
    expect(progressBar(0.5, 0)).toBe('50.0 %');
  });
});

describe('formatLatency()', () => {
  it.each([
    [0, '0 us'],
    [0.0854, '85 us'],
    [1, '1.0 ms'],
    [157.04, '157.0 ms'],
    [1234, '1.2 s'],
  ])('writes %d ms as %s', (ms, text) => {
    expect(formatLatency(ms)).toBe(text);
  });
});
