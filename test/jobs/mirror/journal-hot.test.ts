import { describe, expect, it } from 'vitest';
import { HotGroups } from '../../../src/jobs/mirror/journal-hot.ts';

/** Four groups of 100 bytes, of which the last has only 50; `hotMax` of them may be hot. */
function groups(hotMax = 4): HotGroups {
  return new HotGroups({ size: 350, groupLength: 100, hotMax });
}

function range(offset: number, length: number) {
  return { offset, length };
}

const NOT_BUSY = () => false;
const DUE = { all: false };
const ALL = { all: true };

describe('a group', () => {
  it('is hot from its first use on, as a whole, the last one up to the end of the disk', () => {
    const hot = groups();
    hot.use(range(110, 10));
    hot.use(range(349, 1));
    expect([...hot.hot()]).toEqual([range(100, 100), range(300, 50)]);
    expect(hot.count).toBe(2);
  });

  it('is hot by a write that touches two groups, but not by one that touches three', () => {
    const hot = groups();
    hot.use(range(99, 2));
    expect([...hot.hot()]).toEqual([range(0, 100), range(100, 100)]);
    const other = groups();
    other.use(range(99, 102));
    expect(other.count).toBe(0);
  });

  it('finds no room where as many as may be are hot', () => {
    const hot = groups(1);
    hot.use(range(0, 1));
    hot.use(range(100, 1));
    expect([...hot.hot()]).toEqual([range(0, 100)]);
  });
});

describe('a range', () => {
  it('grows to those of its ends that lie in hot groups', () => {
    const hot = groups();
    hot.use(range(0, 1));
    hot.use(range(300, 1));
    expect(hot.grow(range(50, 100))).toEqual(range(0, 150));
    expect(hot.grow(range(250, 60))).toEqual(range(250, 100));
    expect(hot.grow(range(50, 300))).toEqual(range(0, 350));
    expect(hot.grow(range(100, 200))).toEqual(range(100, 200));
    hot.use(range(100, 1));
    expect(hot.grow(range(150, 10))).toEqual(range(100, 100));
  });

  it('does not grow to a group that is cooling', () => {
    const hot = groups();
    hot.use(range(0, 1));
    hot.beginCooling(NOT_BUSY, ALL);
    expect(hot.grow(range(50, 10))).toEqual(range(50, 10));
  });
});

describe('a round', () => {
  it('cools what was not used for more than five rounds', () => {
    const hot = groups();
    hot.use(range(0, 1));
    const cooled = Array.from({ length: 6 }, () => hot.beginCooling(NOT_BUSY, DUE).length);
    expect(cooled).toEqual([0, 0, 0, 0, 0, 1]);
  });

  it('counts from the last use', () => {
    const hot = groups();
    hot.use(range(0, 1));
    for (let round = 0; round < 5; round += 1) hot.beginCooling(NOT_BUSY, DUE);
    hot.use(range(0, 1));
    expect(hot.beginCooling(NOT_BUSY, DUE)).toEqual([]);
  });

  it('cools the least recently used for each that found no room, but half of all at most', () => {
    const hot = groups(2);
    hot.use(range(0, 1));
    hot.use(range(100, 1));
    hot.beginCooling(NOT_BUSY, DUE);
    hot.use(range(0, 1));
    hot.use(range(200, 1));
    hot.use(range(300, 1));
    expect(hot.beginCooling(NOT_BUSY, DUE)).toEqual([range(100, 100)]);
    // Whoever found no room has been heard.
    hot.endCooling(range(100, 100), { isExact: true });
    expect(hot.beginCooling(NOT_BUSY, DUE)).toEqual([]);
  });

  it('cools no more groups than found no room', () => {
    const hot = groups(3);
    for (const offset of [0, 100, 200, 300]) hot.use(range(offset, 1));
    expect(hot.beginCooling(NOT_BUSY, DUE)).toEqual([range(0, 100)]);
  });

  it('leaves hot what is being written to, also when everything is to cool', () => {
    const hot = groups();
    hot.use(range(0, 1));
    hot.use(range(100, 1));
    expect(hot.beginCooling(({ offset }) => offset === 0, ALL)).toEqual([range(100, 100)]);
    expect([...hot.hot()]).toEqual([range(0, 100)]);
  });
});

describe('a group that is cooling', () => {
  function cooling(): HotGroups {
    const hot = groups(1);
    hot.use(range(100, 1));
    hot.beginCooling(NOT_BUSY, ALL);
    return hot;
  }

  it('takes its room until its bits are exact', () => {
    const hot = cooling();
    expect([...hot.hot()]).toEqual([]);
    expect(hot.count).toBe(1);
    hot.endCooling(range(100, 100), { isExact: true });
    expect(hot.count).toBe(0);
  });

  it('is hot again where they did not become so', () => {
    const hot = cooling();
    hot.endCooling(range(100, 100), { isExact: false });
    expect([...hot.hot()]).toEqual([range(100, 100)]);
  });

  it('is hot again when it is used, and stays so', () => {
    const hot = cooling();
    hot.use(range(150, 1));
    hot.endCooling(range(100, 100), { isExact: true });
    expect([...hot.hot()]).toEqual([range(100, 100)]);
  });
});
