import { expect, it } from 'vitest';
import { Digest } from '../../../src/sim/fingerprint.ts';
import type { GuestRecord } from '../../../src/sim/guest.ts';
import type { GuestStep } from '../../../src/sim/scenario.ts';
import { addGuest } from '../../../src/sim/state/guest-order.ts';
import { FLUSH, read, write } from '../worlds.ts';

const NEVER = Number.POSITIVE_INFINITY;

/** Two requests, of which the first ends at some moment and the second begins at moment 3. */
function numberOf(first: GuestStep, second: GuestStep, ended: number): number {
  const rest = { ok: true, stamps: [] };
  const records: readonly GuestRecord[] = [
    { ...rest, index: 0, step: first, began: 1, ended },
    { ...rest, index: 1, step: second, began: 3, ended: NEVER },
  ];
  const digest = new Digest();
  addGuest(digest, records);
  return digest.value;
}

it.each([
  ['two writes to one place', write(0), write(0), true],
  ['a write and a read of one place', write(0), read(0), true],
  ['a write that overlaps', write(0, 2), write(1), true],
  ['a flush', write(0), FLUSH, true],
  ['writes beside each other', write(0), write(1), false],
] as const)('tells which of %s ended before the other began, or not', (_, one, other, tells) => {
  const [before, after] = [numberOf(one, other, 2), numberOf(one, other, 4)];
  expect(before !== after).toBe(tells);
});

it('tells how a request has ended, and whether it has', () => {
  expect(numberOf(write(0), write(1), NEVER)).not.toBe(numberOf(write(0), write(1), 4));
});
