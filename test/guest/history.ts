/**
 * What a guest said it did to its files, change by change, and so what a disk may hold.
 *
 * The guest makes one change at a time, each of them all at once: it announces the change, makes
 * it, calls fsync and acknowledges it. So a disk that holds one moment holds the files as they were
 * after some number of changes, no fewer than were acknowledged then, and no more than were
 * announced.
 */

/** The files of a guest: the SHA-256 of each by its name. */
export type Files = ReadonlyMap<string, string>;

/** What the guest says instead of a sum when it removes a file. */
const GONE = 'gone';

export class History {
  readonly #changes: { readonly name: string; readonly sum: string }[] = [];
  #acknowledged = 0;

  get announced(): number {
    return this.#changes.length;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** The guest is about to make a file hold this. */
  announce(name: string, sum: string): void {
    this.#changes.push({ name, sum });
  }

  /** @throws {Error} For anything but the change that was announced last. */
  acknowledge(name: string, sum: string): void {
    const change = this.#changes[this.#acknowledged];
    if (change?.name !== name || change.sum !== sum) {
      throw new Error(`The guest acknowledges what it did not announce: ${name} ${sum}`);
    }
    this.#acknowledged += 1;
  }

  /** @returns The files after the first `count` changes. */
  after(count: number): Files {
    const files = new Map<string, string>();
    for (const { name, sum } of this.#changes.slice(0, count)) {
      if (sum === GONE) files.delete(name);
      else files.set(name, sum);
    }
    return files;
  }

  /**
   * Judges the files of a disk that holds one moment.
   *
   * @param range The fewest and the most changes that may be on it.
   * @returns How they differ from what they were after the number of changes that comes nearest.
   */
  faults(files: Files, { from, to }: { readonly from: number; readonly to: number }) {
    const counts = Array.from({ length: to - from + 1 }, (_, index) => from + index);
    const all = counts.map((count) => differences(files, this.after(count)));
    return all.reduce((nearest, other) => (other.length < nearest.length ? other : nearest));
  }
}

function differences(files: Files, expected: Files): readonly string[] {
  const names = [...new Set([...files.keys(), ...expected.keys()])].sort();
  return names
    .map((name) => ({ name, found: files.get(name) ?? GONE, was: expected.get(name) ?? GONE }))
    .filter(({ found, was }) => found !== was)
    .map(({ name, found, was }) => `${name} is ${found}, and was ${was}`);
}
