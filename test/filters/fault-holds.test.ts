import { describe, expect, it } from 'vitest';
import { Holds } from '../../src/filters/fault-holds.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { begin } from '../support/fault-rig.ts';
import { settle } from '../support/settle.ts';

function open() {
  const clock = new FakeClock();
  const holds = new Holds(clock);
  const wait = (key: string, delayMs?: number) =>
    begin(() => holds.wait({ key, action: 'wait', ...(delayMs === undefined ? {} : { delayMs }) }));
  return { clock, holds, wait };
}

describe('requests that wait', () => {
  it('wait their time, or for ever', async () => {
    const { clock, holds, wait } = open();
    const begun = [wait('a', 10), wait('a')];
    await clock.advance(10);
    await settle();
    expect(begun.map(({ state }) => state)).toEqual(['done', 'pending']);
    expect(holds.count('a')).toBe(1);
  });

  it('are let go under their key, and leave no timer', async () => {
    const { clock, holds, wait } = open();
    const begun = [wait('a', 10), wait('b', 10), wait('a')];
    expect(holds.release('a')).toBe(2);
    await settle();
    expect(begun.map(({ state }) => state)).toEqual(['done', 'pending', 'done']);
    expect([clock.timers, holds.count('b')]).toEqual([1, 1]);
    expect(holds.release('a')).toBe(0);
  });

  it('are let go one by one, from the last', async () => {
    const { holds, wait } = open();
    const begun = [wait('a'), wait('a'), wait('b')];
    expect(holds.releaseLast('a')).toBe(true);
    await settle();
    expect(begun.map(({ state }) => state)).toEqual(['pending', 'done', 'pending']);
    expect([holds.releaseLast('a'), holds.releaseLast('a')]).toEqual([true, false]);
  });

  it('are cancelled all at once, and leave no timer', async () => {
    const { clock, holds, wait } = open();
    const begun = [wait('a', 10), wait('b')];
    holds.cancelAll();
    await settle();
    expect(begun.map(({ state }) => state)).toEqual(['ECANCELED', 'ECANCELED']);
    expect([clock.timers, holds.count('a'), holds.count('b')]).toEqual([0, 0, 0]);
    const later = wait('a', 10);
    await clock.advance(10);
    await settle();
    expect(later.state).toBe('done');
  });
});
