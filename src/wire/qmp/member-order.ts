/**
 * In which order QEMU goes through the members of an object, to print them and to check them.
 *
 * Its objects are hash tables of 512 buckets: the order is that of the buckets, which depends on
 * the names only, and in a bucket the member that came last is the first.
 */

const BUCKETS = 512;
const encoder = new TextEncoder();

/** @returns The members, by name and value. */
export function inMemberOrder<Value>(
  members: Iterable<readonly [string, Value]>,
): readonly (readonly [string, Value])[] {
  const placed = Array.from(members, (member) => ({ member, bucket: bucketOf(member[0]) }));
  placed.reverse().sort((one, other) => one.bucket - other.bucket); // Which keeps equals in order.
  return placed.map(({ member }) => member);
}

/** The hash function is that of the trivial database, tdb, of 32 bits. */
function bucketOf(name: string): number {
  const bytes = encoder.encode(name);
  let sum = Math.imul(0x238f_13af, bytes.length);
  for (const [index, byte] of bytes.entries()) sum = (sum + (byte << ((5 * index) % 24))) | 0;
  return ((Math.imul(1_103_515_243, sum) + 12_345) >>> 0) % BUCKETS;
}
