/**
 * What the guest has done, without the order of what has nothing to do with each other.
 *
 * Of its requests it matters which were made, how they ended, and, where two meet in a place, which
 * ended before the other began: neither the product nor the oracle can tell more. A flush meets
 * everything.
 */

import { Digest } from '../fingerprint.ts';
import type { GuestRecord } from '../guest.ts';

/** Adds what there is of the guest's requests. */
export function addGuest(digest: Digest, records: readonly GuestRecord[]): void {
  for (const record of records) {
    const { ended, ok, stamps } = record;
    digest.add(ended === Number.POSITIVE_INFINITY ? 0 : ok ? 1 : 2);
    for (const stamp of stamps) digest.add(stamp);
    const before = new Digest();
    for (const other of records) {
      if (other.ended < record.began && meet(other, record)) before.add(other.index);
    }
    digest.add(before.value);
  }
}

function meet({ step: left }: GuestRecord, { step: right }: GuestRecord): boolean {
  if (left.type === 'flush' || right.type === 'flush') return true;
  return left.sector < right.sector + right.sectors && right.sector < left.sector + left.sectors;
}
