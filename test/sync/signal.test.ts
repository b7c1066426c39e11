import { describe, expect, it } from 'vitest';
import { Signal } from '../../src/sync/signal.ts';
import { settle, watch } from '../support/settle.ts';

describe('Signal', () => {
  it('wakes everybody who waits, in the order in which they came', async () => {
    const signal = new Signal();
    const woken: string[] = [];
    for (const name of ['first', 'second', 'third']) {
      void signal.wait().then(() => woken.push(name));
    }
    expect(signal.waiting).toBe(3);
    await settle();
    expect(woken).toEqual([]);
    signal.notifyAll();
    expect(signal.waiting).toBe(0);
    await settle();
    expect(woken).toEqual(['first', 'second', 'third']);
  });

  it('forgets a notification that nobody waits for', async () => {
    const signal = new Signal();
    signal.notifyAll();
    const waiter = watch(() => signal.wait());
    await settle();
    expect(waiter.state).toBe('pending');
  });

  it('leaves asleep who waits again on being woken', async () => {
    const signal = new Signal();
    let wakings = 0;
    const loop = async () => {
      for (;;) {
        await signal.wait();
        wakings += 1;
      }
    };
    void loop();
    for (const round of [1, 2, 3]) {
      signal.notifyAll();
      await settle();
      expect([wakings, signal.waiting]).toEqual([round, 1]);
    }
  });
});
