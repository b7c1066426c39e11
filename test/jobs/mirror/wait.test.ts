import { beforeEach, describe, expect, it } from 'vitest';
import { Wait } from '../../../src/jobs/mirror/wait.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { settle, type Watched, watch } from '../../support/settle.ts';

describe('a wait of 10 ms', () => {
  let clock: FakeClock;
  let wait: Wait;
  let over: Watched;

  beforeEach(() => {
    clock = new FakeClock();
    wait = new Wait(clock, 10);
    over = watch(() => wait.over);
  });

  /** Whether it is over that many milliseconds from now, and was not a millisecond before. */
  async function isOverIn(ms: number): Promise<boolean> {
    await clock.advance(ms - 1);
    const wasOver = over.state === 'done';
    await clock.advance(1);
    await settle();
    return over.state === 'done' && !wasOver;
  }

  it('is over after 10 ms', async () => {
    expect(await isOverIn(10)).toBe(true);
  });

  it('has its rest made longer or shorter, again and again', async () => {
    await clock.advance(4);
    wait.scale(2);
    await clock.advance(6);
    wait.scale(0.5);
    expect(await isOverIn(3)).toBe(true);
    expect(clock.timers).toBe(0);
  });

  it('is over at once when it is ended, and leaves no timer', async () => {
    wait.end();
    await settle();
    expect(over.state).toBe('done');
    expect(clock.timers).toBe(0);
  });

  it('stays over, and takes no timer again', async () => {
    await clock.advance(12);
    wait.scale(3);
    expect(clock.timers).toBe(0);
  });
});
