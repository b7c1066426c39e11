import { describe, expect, it } from 'vitest';
import { TailGate } from '../../src/drivers/tail-gate.ts';
import { deferred, settle, watch } from '../support/settle.ts';

describe('TailGate', () => {
  it('lets requests pass side by side while it is open', async () => {
    const gate = new TailGate();
    const first = deferred();
    const one = watch(() => gate.passing(100, () => first.promise));
    const other = watch(() => gate.passing(100, () => {}));
    await settle();
    expect([one.state, other.state]).toEqual(['pending', 'done']);
    first.resolve();
    await settle();
    expect(one.state).toBe('done');
  });

  it('holds back requests that end beyond where it is shut, and no others', async () => {
    const gate = new TailGate();
    const work = deferred();
    const shut = watch(() => gate.shut(1000, () => work.promise));
    await settle();
    const below = watch(() => gate.passing(1000, () => {}));
    const beyond = watch(() => gate.passing(1001, () => {}));
    await settle();
    expect([shut.state, below.state, beyond.state]).toEqual(['pending', 'done', 'pending']);
    work.resolve();
    await settle();
    expect([shut.state, beyond.state]).toEqual(['done', 'done']);
  });

  it('waits for what is under way, but not for what begins below it meanwhile', async () => {
    const gate = new TailGate();
    const before = deferred();
    const after = deferred();
    const log: string[] = [];
    void watch(() => gate.passing(2000, () => before.promise));
    const shut = watch(() => gate.shut(1000, () => log.push('shut')));
    void watch(() => gate.passing(500, () => after.promise));
    await settle();
    expect(log).toEqual([]);
    before.resolve();
    await settle();
    expect(log).toEqual(['shut']);
    expect(shut.state).toBe('done');
    after.resolve();
  });

  it('is shut by one at a time, each waiting for what passed since the one before', async () => {
    const gate = new TailGate();
    const works = [deferred(), deferred()] as const;
    const between = deferred();
    const log: number[] = [];
    const shut = (index: 0 | 1, from: number) =>
      watch(() =>
        gate.shut(from, async () => {
          log.push(index);
          await works[index].promise;
        }),
      );
    const first = shut(0, 1000);
    const second = shut(1, 100);
    void watch(() => gate.passing(600, () => between.promise));
    await settle();
    expect(log).toEqual([0]);
    works[0].resolve();
    await settle();
    expect(first.state).toBe('done');
    expect(log).toEqual([0]);
    between.resolve();
    await settle();
    expect(log).toEqual([0, 1]);
    works[1].resolve();
    await settle();
    expect(second.state).toBe('done');
  });

  it('opens again after a failure', async () => {
    const gate = new TailGate();
    const failing = () => Promise.reject(new Error('no'));
    await expect(gate.shut(0, failing)).rejects.toThrow('no');
    await expect(gate.passing(10, failing)).rejects.toThrow('no');
    await gate.shut(0, () => {});
    await gate.passing(10, () => {});
  });
});
