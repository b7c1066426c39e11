import { describe, expect, it } from 'vitest';
import { inHashOrder } from '../../src/monitor/hash-order.ts';

describe('the order of a hash table', () => {
  // As qemu-storage-daemon 7.2 lists chardevs that were made in the order on the left.
  it.each([
    ['qmp', 'qmp'],
    ['n r s i f std qmp', 'qmp std f r i n s'],
    ['qmp c d 1 f a h b', 'c d 1 f qmp a h b'],
    [
      'a b c dd ee ff gg hello world foo bar baz qmp',
      'bar baz c gg foo qmp dd world hello ee a b ff',
    ],
  ])("is QEMU's: %s", (made, listed) => {
    expect(inHashOrder(made.split(' ')).join(' ')).toBe(listed);
  });

  it.each([16_384, 16_385])('has every name once, of %i as well', (length) => {
    const names = Array.from({ length }, (_, index) => `name${index}`);
    expect([...inHashOrder(names)].sort()).toEqual(names.sort());
  });
});
