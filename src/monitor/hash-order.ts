/**
 * The order in which QEMU lists what it keeps by name in a hash table of GLib (`glib/ghash.c`):
 * chardevs, objects, and what objects have.
 *
 * A name has a place by its hash; where that is taken it looks on, a step further each time. The
 * table grows as names come, and all look for places anew. What was removed from it leaves no trace
 * here, while in GLib its place stays taken for a while.
 */

/** By which hashes are divided in a table of 1, 2, 4, ... places. */
const PRIMES = [1, 2, 3, 7, 13, 31, 61, 127, 251, 509, 1021, 2039, 4093, 8191, 16_381, 32_749];
const SHIFT_MIN = 3;
/** What is in the largest table at most; nobody looks for an order among more. */
const COUNT_MAX = 16_384;
/** How much larger than what is in it a table becomes. */
const GROWTH = 1.333;

type Table = (string | undefined)[];

/** @param names In the order in which they came. @returns The same in the order of a list. */
export function inHashOrder(names: readonly string[]): readonly string[] {
  if (names.length > COUNT_MAX) return names;
  let table: Table = emptyTable(SHIFT_MIN);
  for (const [index, name] of names.entries()) {
    put(table, name);
    const count = index + 1;
    if (table.length > count + Math.floor(count / 16)) continue;
    const before = table;
    table = emptyTable(shiftFor(count));
    for (const kept of present(before)) put(table, kept);
  }
  return present(table).reverse();
}

function emptyTable(shift: number): Table {
  return Array.from({ length: 2 ** shift });
}

/** @returns How often 1 is doubled until there is room for so many names, and some more. */
function shiftFor(count: number): number {
  const bits = Math.floor(count * GROWTH).toString(2).length;
  return Math.max(bits, SHIFT_MIN);
}

function present(table: Table): string[] {
  return table.filter((name) => name !== undefined);
}

function put(table: Table, name: string): void {
  const prime = PRIMES[Math.log2(table.length)] ?? 1;
  let at = (Math.imul(hashOf(name), 11) >>> 0) % prime;
  for (let step = 1; table[at] !== undefined; step += 1) at = (at + step) % table.length;
  table[at] = name;
}

/** The hash function of Bernstein, over signed bytes; 0 and 1 have a meaning of their own. */
function hashOf(name: string): number {
  let hash = 5381;
  for (const byte of new Int8Array(new TextEncoder().encode(name))) {
    hash = (Math.imul(hash, 33) + byte) | 0;
  }
  return Math.max(hash >>> 0, 2);
}
