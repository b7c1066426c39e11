import { expect, it } from 'vitest';
import { PRESETS } from '../../src/cli/explore-presets.ts';

it('has every verb, mode and fault in the worlds of the issue, and no name twice', () => {
  const { worlds } = PRESETS.issue();
  const names = worlds.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  // 4 verbs, 2 copy modes and 6 faults or none; and 2 verbs and 2 modes of the larger one.
  expect(worlds).toHaveLength(4 * 2 * 6 + 2 * 2);
  const sizes = worlds.map(({ sectors, guest }) => `${sectors} x ${guest.requests.length}`);
  expect([...new Set(sizes)]).toEqual(['2 x 3', '3 x 4']);
});

it('has a small preset of one verb at any point, in both copy modes, without faults', () => {
  const { worlds } = PRESETS.small();
  expect(worlds).toHaveLength(8);
  expect(worlds.every(({ faults, sectors }) => faults.length === 0 && sectors === 2)).toBe(true);
});
