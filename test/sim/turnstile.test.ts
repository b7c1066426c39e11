import { describe, expect, it } from 'vitest';
import { type DiskCall, Turnstile } from '../../src/sim/turnstile.ts';

const CALL: DiskCall = { disk: 'source', operation: 'read', offset: 0, length: 512, origin: 'job' };
const DEAF = { arrived() {}, tookEffect() {}, answered() {} };

describe('a turnstile', () => {
  it('lets requests through in whatever order, each with its own answer', async () => {
    const turnstile = new Turnstile(DEAF);
    const results = [1, 2].map((value) => turnstile.pass(CALL, { effect: () => value }));
    const [first, second] = turnstile.held;
    second?.answer();
    first?.answer();
    expect(await Promise.all(results)).toEqual([1, 2]);
    expect([turnstile.held, turnstile.count]).toEqual([[], 2]);
  });

  it('has each take effect once', () => {
    let effects = 0;
    const turnstile = new Turnstile(DEAF);
    void turnstile.pass(CALL, { effect: () => (effects += 1) });
    const [passage] = turnstile.held;
    passage?.takeEffect();
    passage?.takeEffect();
    passage?.answer();
    expect(effects).toBe(1);
  });

  it('names requests by what they are, and by a number where others like them wait', () => {
    const turnstile = new Turnstile(DEAF);
    for (let count = 0; count < 2; count += 1) void turnstile.pass(CALL, { effect() {} });
    void turnstile.pass({ ...CALL, operation: 'flush', length: 0 }, { effect() {} });
    expect(turnstile.held.map(({ label }) => label)).toEqual([
      'source read 0+512 (job)',
      'source read 0+512 (job) again 1',
      'source flush (job)',
    ]);
    // What is gone leaves its name to the next one.
    turnstile.held[0]?.answer();
    void turnstile.pass(CALL, { effect() {} });
    expect(turnstile.held.at(-1)?.label).toBe('source read 0+512 (job)');
  });

  it('knows which answers came before which requests', () => {
    const turnstile = new Turnstile(DEAF);
    void turnstile.pass(CALL, { effect() {} });
    const [early] = turnstile.held;
    early?.answer();
    void turnstile.pass(CALL, { effect() {} });
    const [late] = turnstile.held;
    expect(late?.arrivedAt).toBeGreaterThan(early?.answeredAt ?? 0);
  });
});
