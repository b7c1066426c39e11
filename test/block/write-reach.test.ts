import { expect, it } from 'vitest';
import { WriteReach } from '../../src/block/write-reach.ts';

it('a write threshold is for one write, the first that reaches beyond it', () => {
  const reach = new WriteReach();
  const exceeded: number[] = [];
  reach.watch({ offset: 1000, onExceeded: (bytes) => exceeded.push(bytes) });
  reach.note(1000);
  expect([exceeded, reach.threshold]).toEqual([[], 1000]);
  reach.note(1001);
  reach.note(5000);
  expect([exceeded, reach.threshold, reach.highest]).toEqual([[1], 0, 5000]);
});

it('a write threshold is replaced by another one, or none', () => {
  const reach = new WriteReach();
  const refuse = () => {
    throw new Error('that one is waited for no more');
  };
  reach.watch({ offset: 1, onExceeded: refuse });
  reach.watch(undefined);
  reach.note(10);
  reach.note(5);
  expect(reach.highest).toBe(10);
});
