import { describe, expect, it } from 'vitest';
import { SimClock } from '../../src/sim/clock.ts';
import { settle, watch } from '../support/settle.ts';

describe('a simulated clock', () => {
  it('goes from timer to timer, in the order in which they are due', () => {
    const clock = new SimClock();
    const startMs = clock.nowMs();
    const fired: string[] = [];
    clock.after(20, () => fired.push('late'));
    clock.after(10, () => fired.push('early'));
    clock.after(10, () => fired.push('set later'));
    expect(clock.waits).toEqual([10, 10, 20]);
    while (clock.fireNext());
    expect(fired).toEqual(['early', 'set later', 'late']);
    expect(clock.nowMs() - startMs).toBe(20);
    expect(clock.wallMs() - startMs).toBeGreaterThan(1e12);
  });

  it('does not call a timer that was cancelled', () => {
    const clock = new SimClock();
    const timer = clock.after(1, () => {
      throw new Error('it was called');
    });
    timer.cancel();
    timer.cancel();
    expect(clock.fireNext()).toBe(false);
  });

  it('lets a timer set another, which fires in its turn', () => {
    const clock = new SimClock();
    const fired: number[] = [];
    const again = () => {
      fired.push(clock.nowMs());
      if (fired.length < 3) clock.after(5, again);
    };
    clock.after(5, again);
    while (clock.fireNext());
    expect(fired).toEqual([1005, 1010, 1015]);
  });

  it('grants turns only when it is told to, and takes no time for them', async () => {
    const clock = new SimClock();
    const turn = watch(() => clock.turn());
    await settle();
    expect(turn.state).toBe('pending');
    expect(clock.grantTurns()).toBe(true);
    await settle();
    expect(turn.state).toBe('done');
    expect([clock.grantTurns(), clock.nowMs()]).toEqual([false, 1000]);
  });
});
