import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import {
  choosePowerCut,
  countPowerCuts,
  type PowerCutOutcome,
  powerCuts,
  receiptOf,
  survivors,
} from '../../src/filters/write-cache-power-cut.ts';
import { type CachedRequest, CachedRequests } from '../../src/filters/write-cache-requests.ts';
import { pattern } from '../support/drivers.ts';

function requestsOf(...ranges: readonly (readonly [number, number])[]): readonly CachedRequest[] {
  const cache = new CachedRequests();
  for (const [offset, length] of ranges) cache.addWrite(offset, pattern(length));
  return cache.all;
}

/** An outcome in short: the ids of the kept, and the torn one with its length. */
function inShort({ kept, torn }: PowerCutOutcome): string {
  const ids = kept.map(({ id }) => id).join('');
  return torn ? `${ids}|${torn.request.id}:${torn.keptLength}` : ids;
}

const THREE = requestsOf([0, 512], [1024, 512], [4096, 512]);

describe('a power cut', () => {
  it('keeps nothing where it loses all', () => {
    const outcome = choosePowerCut('lose', THREE, seededRandom(1));
    expect(outcome).toEqual({ kept: [], lost: THREE });
    expect([...powerCuts('lose', THREE)]).toEqual([{ kept: [], lost: THREE }]);
    expect(countPowerCuts('lose', THREE)).toBe(1);
  });

  it('keeps any subset where it reorders, each request whole', () => {
    const all = [...powerCuts('reorder', THREE)].map(inShort);
    expect(all.sort()).toEqual(['', '1', '12', '123', '13', '2', '23', '3']);
    const chosen = new Set<string>();
    const random = seededRandom(2);
    for (let times = 0; times < 200; times += 1) {
      const outcome = choosePowerCut('reorder', THREE, random);
      expect(outcome.kept.length + outcome.lost.length).toBe(3);
      chosen.add(inShort(outcome));
    }
    expect([...chosen].sort()).toEqual(all.sort());
  });

  it('does the same again with the same seed', () => {
    const many = requestsOf(...Array.from({ length: 40 }, (_, i) => [i * 4096, 4096] as const));
    const once = (seed: number) => inShort(choosePowerCut('tear', many, seededRandom(seed)));
    expect(once(5)).toBe(once(5));
    expect(once(5)).not.toBe(once(6));
  });

  it('tears one request at a multiple of 512 of the disk, within it', () => {
    const requests = requestsOf([100, 2000], [8192, 512], [10_000, 10]);
    const random = seededRandom(3);
    const torn = new Set<number>();
    for (let times = 0; times < 200; times += 1) {
      const outcome = choosePowerCut('tear', requests, random);
      expect(outcome.torn?.request).toBe(requests[0]);
      expect([...outcome.kept, ...outcome.lost]).not.toContain(requests[0]);
      torn.add(outcome.torn?.keptLength ?? 0);
    }
    expect([...torn].sort((a, b) => a - b)).toEqual([412, 924, 1436, 1948]);
    // One sector, or less than one, is written whole or not at all.
    const short = requestsOf([0, 512], [700, 100]);
    expect(choosePowerCut('tear', short, random).torn).toBeUndefined();
  });

  it('enumerates every subset and every tear once, as many as it says', () => {
    const requests = requestsOf([0, 1024], [4096, 1536], [8192, 512]);
    const all = [...powerCuts('tear', requests)].map(inShort);
    expect(new Set(all).size).toBe(all.length);
    expect(all).toHaveLength(countPowerCuts('tear', requests));
    // 8 subsets; of the other two, 4 subsets each with one tear of the first and two of the second.
    expect(all).toHaveLength(8 + 4 * 1 + 4 * 2);
    expect(all).toContain('3|2:1024');
    expect(all).toContain('|1:512');
    expect(countPowerCuts('reorder', requestsOf())).toBe(1);
    expect([...powerCuts('tear', requestsOf())]).toHaveLength(1);
  });

  it('lets what survives be written in the order in which it came', () => {
    const requests = requestsOf([0, 1024], [0, 1024], [0, 1024]);
    const [first, second, third] = requests;
    if (!first || !second || !third) throw new Error('there are three');
    const torn = { request: second, keptLength: 512 };
    const written = survivors({ kept: [first, third], lost: [], torn });
    expect(written.map(({ id, length }) => [id, length])).toEqual([
      [first.id, 1024],
      [second.id, 512],
      [third.id, 1024],
    ]);
    expect(written[1]?.bytes).toEqual(pattern(1024).subarray(0, 512));
  });

  it('is told of in a bounded receipt with exact counts', () => {
    const many = requestsOf(...Array.from({ length: 3000 }, (_, i) => [i, 1] as const));
    const receipt = receiptOf('lose', choosePowerCut('lose', many, seededRandom(1)));
    expect([receipt.keptCount, receipt.lostCount]).toEqual([0, 3000]);
    expect(receipt.lost).toHaveLength(1024);
    expect(receipt.lost[5]).toEqual({ kind: 'write', offset: 5, length: 1 });
    const [request] = requestsOf([0, 1024]);
    if (!request) throw new Error('there is one');
    const torn = { request, keptLength: 512 };
    expect(receiptOf('tear', { kept: [], lost: [], torn }).torn).toEqual({
      kind: 'write',
      offset: 0,
      length: 1024,
      keptLength: 512,
    });
  });
});
