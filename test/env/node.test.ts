import { describe, expect, it } from 'vitest';
import { sleep } from '../../src/env/env.ts';
import { nodeEnv } from '../../src/env/node.ts';

describe('the clock of this machine', () => {
  const { clock } = nodeEnv();

  it('calls no timer before its time', async () => {
    const early = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const delayMs = 1 + index * 0.37;
        const startMs = clock.nowMs();
        await sleep(clock, delayMs);
        return clock.nowMs() - startMs < delayMs;
      }),
    );
    expect(early).not.toContain(true);
  });

  it('does not call a timer at once that is set for years ahead', async () => {
    let called = false;
    const timer = clock.after(1e12, () => {
      called = true;
    });
    await sleep(clock, 5);
    timer.cancel();
    expect(called).toBe(false);
  });

  it('never calls a cancelled timer', async () => {
    let called = false;
    clock
      .after(1, () => {
        called = true;
      })
      .cancel();
    await sleep(clock, 5);
    expect(called).toBe(false);
  });

  it('tells the time of day in step with its own time', () => {
    const [wallMs, nowMs] = [clock.wallMs(), clock.nowMs()];
    expect(clock.wallMs() - wallMs).toBeLessThanOrEqual(clock.nowMs() - nowMs + 1);
  });
});

describe('random numbers of this machine', () => {
  it('differ from one environment to the next', () => {
    const first = nodeEnv().random.uint32();
    const others = [nodeEnv(), nodeEnv(), nodeEnv()].map(({ random }) => random.uint32());
    expect(others.every((value) => value === first)).toBe(false);
  });
});
