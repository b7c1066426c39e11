import { describe, expect, it } from 'vitest';
import { AdaptivePolling, WINDOW_MS } from '../../src/env/polling.ts';

/** A look takes so long. */
const LOOK_MS = 0.002;

/** An event loop that turns as long as somebody asks for it, and then sleeps. */
class Loop {
  ms = 0;
  looks = 0;
  readonly polling = new AdaptivePolling({
    nowMs: () => this.ms,
    turn: (callback) => this.#due.push(callback),
  });
  #due: (() => void)[] = [];

  get isAsleep(): boolean {
    return this.#due.length === 0;
  }

  /** Lets something come, in one turn with whatever else does. */
  come(count = 1): void {
    for (let each = 0; each < count; each += 1) this.polling.came();
    this.#turn();
  }

  /** Lets time pass in which nothing comes. @returns Whether somebody would see it if it did. */
  wait(ms: number): boolean {
    const endMs = this.ms + ms;
    while (!this.isAsleep && this.ms + LOOK_MS <= endMs) {
      this.ms += LOOK_MS;
      this.looks += 1;
      this.#turn();
    }
    this.ms = endMs;
    return !this.isAsleep;
  }

  #turn(): void {
    const due = this.#due;
    this.#due = [];
    for (const callback of due) callback();
  }
}

/** @returns How often of 100 times, after 100 others, somebody was looking when something came. */
function seen(loop: Loop, pauseMs: (index: number) => number): number {
  let count = 0;
  for (let index = 0; index < 200; index += 1) {
    const isSeen = loop.wait(pauseMs(index));
    if (isSeen && index >= 100) count += 1;
    loop.come();
  }
  return count;
}

describe('looking for what comes next', () => {
  it('sleeps until something has come, and then does not at once look for more', () => {
    const loop = new Loop();
    expect(loop.isAsleep).toBe(true);
    loop.come();
    expect(loop.isAsleep).toBe(true);
  });

  it('looks while what comes does so within the window', () => {
    expect(seen(new Loop(), () => WINDOW_MS / 2)).toBe(100);
  });

  it('takes what comes late to a sleeper for what a looker would have seen in time', () => {
    const loop = new Loop();
    expect(seen(loop, () => (loop.isAsleep ? 1.9 : 0.5) * WINDOW_MS)).toBe(100);
  });

  it('stops looking when the window is over', () => {
    const loop = new Loop();
    seen(loop, () => WINDOW_MS / 2);
    loop.looks = 0;
    expect(loop.wait(1000)).toBe(false);
    expect(loop.looks * LOOK_MS).toBeLessThan(WINDOW_MS + 2 * LOOK_MS);
  });

  it('does not look where nothing comes soon', () => {
    const loop = new Loop();
    seen(loop, () => WINDOW_MS / 2);
    seen(loop, () => 1);
    loop.looks = 0;
    expect(seen(loop, () => 1)).toBe(0);
    expect(loop.looks).toBe(0);
  });

  it('does not look where every other time is in vain, whatever comes in one turn', () => {
    const loop = new Loop();
    for (let index = 0; index < 100; index += 1) {
      loop.wait(index % 2 === 0 ? WINDOW_MS / 2 : 1);
      loop.come(5);
    }
    loop.looks = 0;
    seen(loop, (index) => (index % 2 === 0 ? WINDOW_MS / 2 : 1));
    expect(loop.looks).toBe(0);
  });

  it('goes on looking after a pause, when most of what comes does so soon', () => {
    expect(seen(new Loop(), (index) => (index % 5 === 0 ? 10 : WINDOW_MS / 2))).toBe(80);
  });
});
