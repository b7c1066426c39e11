/**
 * Which bytes of a read have come, when they come in pieces and in any order.
 *
 *     read       |----------------------------|
 *     have come  |=======|        |====|            two runs
 *
 * Each byte comes once: a piece that overlaps another is the server's mistake, and so is one that
 * is still missing at the end.
 */

/** How many runs there may be at a time. Servers send pieces in order, or nearly so. */
const RUNS_MAX = 1024;

export class Coverage {
  readonly #length: number;
  /** Where runs begin and end, in turn and in order; neighbours are one run. */
  readonly #edges: number[] = [];

  /**
   * @param length Of the read, in bytes.
   * @param covered How many of the first bytes have come already.
   */
  constructor(length: number, covered = 0) {
    this.#length = length;
    if (covered > 0) this.#edges.push(0, covered);
  }

  /** All bytes have come. */
  get isWhole(): boolean {
    return this.#edges.length === 2 && this.#edges[0] === 0 && this.#edges[1] === this.#length;
  }

  /**
   * Adds a piece of at least one byte.
   *
   * @returns Why that cannot be, or nothing.
   */
  add(start: number, end: number): string | undefined {
    const edges = this.#edges;
    // Mostly it follows the last one.
    let index = edges.length;
    if (edges[index - 1] !== start) {
      while (index > 0 && (edges[index - 2] as number) >= start) index -= 2;
    }
    const before = edges[index - 1];
    const after = edges[index];
    const overlaps =
      (before !== undefined && before > start) || (after !== undefined && after < end);
    if (overlaps) return 'it sent some bytes twice';
    const joinsBefore = before === start;
    const joinsAfter = after === end;
    if (joinsBefore && joinsAfter) edges.splice(index - 1, 2);
    else if (joinsBefore) edges[index - 1] = end;
    else if (joinsAfter) edges[index] = start;
    else edges.splice(index, 0, start, end);
    return edges.length > 2 * RUNS_MAX ? 'its pieces are too many and too scattered' : undefined;
  }
}
