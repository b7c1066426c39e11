import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { type ByteRange, overlaps } from '../../src/base/ranges.ts';
import { RangeLock } from '../../src/sync/range-lock.ts';
import { deferred, settle, type Watched, watch } from '../support/settle.ts';

/** A claim that is held from when it is granted until the test gives it back. */
interface TestClaim {
  readonly range: ByteRange;
  readonly end: Watched;
  isGranted: boolean;
  isReleased: boolean;
  release(): Promise<void>;
}

function range(offset: number, end: number): ByteRange {
  return { offset, length: end - offset };
}

function claim(lock: RangeLock, wanted: ByteRange): TestClaim {
  const { promise, resolve } = deferred();
  const body = () => {
    result.isGranted = true;
    return promise;
  };
  const result: TestClaim = {
    range: wanted,
    isGranted: false,
    isReleased: false,
    end: { state: 'pending' },
    async release() {
      result.isReleased = true;
      resolve();
      await settle();
    },
  };
  return Object.assign(result, { end: watch(() => lock.holding(wanted, body)) });
}

describe('holding()', () => {
  it('grants at once what nobody claims, and passes on what the body returns', async () => {
    const lock = new RangeLock();
    const first = claim(lock, range(0, 10));
    expect(first.isGranted).toBe(true);
    expect(lock.holding(range(10, 20), () => 'value')).toBe('value');
    expect(lock.isBusy(range(10, 20))).toBe(false);
    expect(await lock.holding(range(20, 30), async () => 'later')).toBe('later');
    expect(lock.isBusy(range(20, 30))).toBe(false);
  });

  it('lets neighbours pass and makes an overlapping claim wait for the release', async () => {
    const lock = new RangeLock();
    const held = claim(lock, range(10, 20));
    const [below, above] = [claim(lock, range(0, 10)), claim(lock, range(20, 30))];
    const inside = claim(lock, range(19, 20));
    await settle();
    expect([below, above, inside].map(({ isGranted }) => isGranted)).toEqual([true, true, false]);
    await held.release();
    expect(inside.isGranted).toBe(true);
  });

  it('waits until all claims in the way are gone, not only the first', async () => {
    const lock = new RangeLock();
    const [left, right] = [claim(lock, range(0, 10)), claim(lock, range(10, 20))];
    const both = claim(lock, range(5, 15));
    await left.release();
    expect(both.isGranted).toBe(false);
    await right.release();
    expect(both.isGranted).toBe(true);
  });

  it('does not let a claim overtake an earlier one that waits', async () => {
    const lock = new RangeLock();
    const held = claim(lock, range(0, 10));
    const waiting = claim(lock, range(5, 20));
    const late = claim(lock, range(15, 25));
    await settle();
    // Nobody holds any byte of it, yet it is not its turn.
    expect(late.isGranted).toBe(false);
    await held.release();
    expect([waiting.isGranted, late.isGranted]).toEqual([true, false]);
    await waiting.release();
    expect(late.isGranted).toBe(true);
  });

  it('grants overlapping claims one after the other, in the order of asking', async () => {
    const lock = new RangeLock();
    const order: number[] = [];
    const ends = [0, 1, 2, 3, 4].map((index) =>
      lock.holding(range(index, 10), async () => {
        order.push(index);
        await settle();
        order.push(index);
      }),
    );
    await Promise.all(ends);
    expect(order).toEqual([0, 0, 1, 1, 2, 2, 3, 3, 4, 4]);
  });

  it('unrolls a chain of overlapping claims link by link', async () => {
    const lock = new RangeLock();
    const chain = Array.from({ length: 6 }, (_, index) =>
      claim(lock, range(index * 10, index * 10 + 15)),
    );
    for (const [index, link] of chain.entries()) {
      await settle();
      expect(chain.map(({ isGranted }) => isGranted)).toEqual(chain.map((_, at) => at <= index));
      await link.release();
    }
  });

  it('gives the range back when the body throws or rejects', async () => {
    const lock = new RangeLock();
    const throws = () => {
      throw new Error('thrown');
    };
    expect(() => lock.holding(range(0, 10), throws)).toThrow('thrown');
    expect(lock.isBusy(range(0, 10))).toBe(false);
    const rejects = () => Promise.reject(new Error('rejected'));
    await expect(lock.holding(range(0, 10), rejects)).rejects.toThrow('rejected');
    expect(lock.isBusy(range(0, 10))).toBe(false);
  });

  it('goes on with those behind a body that throws', async () => {
    const lock = new RangeLock();
    const { promise, reject } = deferred();
    const failing = watch(() => lock.holding(range(0, 10), () => promise));
    const behind = claim(lock, range(0, 10));
    reject(new Error('failed'));
    await settle();
    expect([failing.state, behind.isGranted]).toEqual(['failed', true]);
  });

  it('neither waits for an empty range nor makes one wait', async () => {
    const lock = new RangeLock();
    const held = claim(lock, range(0, 10));
    expect(claim(lock, range(5, 5)).isGranted).toBe(true);
    await held.release();
    expect(claim(lock, range(0, 10)).isGranted).toBe(true);
  });

  it.each([1, 2, 3, 4])(
    'grants exactly what no earlier claim is in the way of, seed %d',
    async (seed) => {
      const random = seededRandom(seed);
      const lock = new RangeLock();
      const claims: TestClaim[] = [];
      const check = () => {
        const live = claims.filter(({ isReleased }) => !isReleased);
        for (const [index, one] of live.entries()) {
          const earlier = live.slice(0, index);
          const isFree = !earlier.some((other) => overlaps(one.range, other.range));
          expect(one.isGranted, JSON.stringify(one.range)).toBe(isFree);
        }
      };
      for (let step = 0; step < 400; step += 1) {
        const held = claims.filter((one) => one.isGranted && !one.isReleased);
        const releasing = held[random.below(held.length + 1)];
        if (releasing && random.below(2) === 0) await releasing.release();
        else if (claims.length < 200) {
          const offset = random.below(64);
          claims.push(claim(lock, { offset, length: random.below(12) }));
        }
        await settle();
        check();
      }
      for (let one = nextHeld(claims); one; one = nextHeld(claims)) await one.release();
      expect(claims.every(({ end }) => end.state === 'done')).toBe(true);
      expect(lock.isBusy(range(0, 100))).toBe(false);
    },
  );
});

function nextHeld(claims: readonly TestClaim[]): TestClaim | undefined {
  return claims.find((one) => one.isGranted && !one.isReleased);
}

describe('tryHold()', () => {
  it('claims what is free and refuses what is held', () => {
    const lock = new RangeLock();
    const held = lock.tryHold(range(0, 10));
    expect(held).toMatchObject(range(0, 10));
    expect(lock.tryHold(range(9, 12))).toBeUndefined();
    expect(lock.tryHold(range(10, 12))).toBeDefined();
  });

  it('refuses what somebody waits for, though nobody holds it', async () => {
    const lock = new RangeLock();
    const held = lock.tryHold(range(0, 10));
    const waiting = claim(lock, range(5, 20));
    expect(lock.tryHold(range(15, 16))).toBeUndefined();
    if (held) lock.release(held);
    await settle();
    expect(waiting.isGranted).toBe(true);
  });

  it('takes a claim back once', () => {
    const lock = new RangeLock();
    const held = lock.tryHold(range(0, 10));
    if (!held) throw new Error('the range is free');
    lock.release(held);
    expect(() => lock.release(held)).toThrow('Assertion failed');
    expect(() => lock.release(range(0, 10))).toThrow('Assertion failed');
  });
});

describe('firstBusy()', () => {
  it('finds the claim in a range that begins first, be it held or waited for', () => {
    const lock = new RangeLock();
    lock.tryHold(range(40, 50));
    lock.tryHold(range(20, 30));
    claim(lock, range(25, 45));
    expect(lock.firstBusy(range(0, 100))).toMatchObject(range(20, 30));
    expect(lock.firstBusy(range(30, 100))).toMatchObject(range(25, 45));
    expect(lock.firstBusy(range(45, 100))).toMatchObject(range(40, 50));
    expect(lock.firstBusy(range(50, 100))).toBeUndefined();
  });
});
