import { describe, expect, it } from 'vitest';
import { RequestQueue, type Slot } from '../../src/device/queue.ts';

const nobody = { done: () => {}, failed: () => {} };

function take(queue: RequestQueue): Slot {
  const slot = queue.take();
  if (!slot) throw new Error('no slot is free');
  return slot;
}

describe('RequestQueue', () => {
  it('has as many slots as it is large', () => {
    const queue = new RequestQueue(4, nobody);
    const slots = Array.from({ length: 4 }, () => take(queue));
    expect(new Set(slots).size).toBe(4);
    expect(queue.take()).toBeUndefined();
  });

  it('gives a slot again that was given back', () => {
    const queue = new RequestQueue(1, nobody);
    const slot = take(queue);
    queue.release(slot);
    expect(queue.take()).toBe(slot);
    expect(queue.take()).toBeUndefined();
  });

  it('keeps the order of the slots that wait, however often it goes round', () => {
    const queue = new RequestQueue(4, nobody);
    const slots = Array.from({ length: 4 }, () => take(queue));
    const push = (...indexes: number[]) => {
      for (const index of indexes) queue.push(slots[index] ?? take(queue));
    };
    const shift = () => {
      const slot = queue.shift();
      return slot ? slots.indexOf(slot) : -1;
    };
    push(0, 1, 2);
    expect([shift(), shift()]).toEqual([0, 1]);
    push(3, 0, 1);
    expect(queue.waitingCount).toBe(4);
    expect([shift(), shift(), shift(), shift()]).toEqual([2, 3, 0, 1]);
    expect(queue.shift()).toBeUndefined();
    expect(queue.waitingCount).toBe(0);
  });

  it('puts back what was kept in the order of submission, before what waits', () => {
    const queue = new RequestQueue(8, nobody);
    const slots = Array.from({ length: 8 }, () => take(queue));
    for (const slot of slots.slice(0, 6)) queue.push(slot);
    const started = [0, 1, 2, 3].map(() => queue.shift());
    for (const index of [2, 0, 3]) {
      const slot = started[index];
      if (slot) queue.keep(slot);
    }
    expect([queue.inFlightCount, queue.waitingCount]).toEqual([3, 2]);
    queue.putBack();
    expect([queue.inFlightCount, queue.waitingCount]).toEqual([3, 5]);
    for (const slot of slots.slice(6)) queue.push(slot);
    const order = Array.from({ length: 7 }, () => slots.indexOf(queue.shift() ?? take(queue)));
    expect(order).toEqual([0, 2, 3, 4, 5, 6, 7]);
    expect(queue.shift()).toBeUndefined();
  });

  it('knows the order of what is kept again, when what came later was kept before', () => {
    const queue = new RequestQueue(4, nobody);
    const slots = Array.from({ length: 4 }, () => take(queue));
    for (const slot of slots) queue.push(slot);
    for (const index of [3, 1, 0, 2, 1, 3]) {
      const started = Array.from({ length: 4 }, () => queue.shift());
      for (let count = 0; count < 4; count += 1) {
        const slot = started[(index + count * 3) % 4];
        if (slot) queue.keep(slot);
      }
      queue.putBack();
    }
    expect(slots.map(() => queue.shift())).toEqual(slots);
  });

  it('refuses a size that no virtqueue has', () => {
    for (const size of [0, 3, 65_536])
      expect(() => new RequestQueue(size, nobody)).toThrow(RangeError);
  });

  it('tells its owner which slot a promise was for', () => {
    const told: unknown[] = [];
    const queue = new RequestQueue(2, {
      done: (slot) => told.push(slot),
      failed: (slot, error) => told.push(slot, error),
    });
    const [first, second] = [take(queue), take(queue)];
    second.done();
    first.failed('broken');
    expect(told).toEqual([second, first, 'broken']);
  });
});
