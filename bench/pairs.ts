/**
 * Our figure beside that of a peer, fairly.
 *
 * A machine is not equally fast from one minute to the next, so both are measured in turn, and what
 * counts is the ratio within each round: whatever slows down a whole round cancels out. Who goes
 * first alternates. The median of the rounds is the result; the lowest and the highest say how far
 * to trust it.
 */

/** The middle of some figures, and how far they reach. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface PairOptions {
  /** How often both are measured; odd is best. */
  readonly rounds: number;
  /** Measures ours once. @returns The figure, in any unit, more than 0. */
  readonly ours: () => Promise<number>;
  /** Measures the peer once. @returns The figure, in the same unit. */
  readonly theirs: () => Promise<number>;
  /** Told of each round as it ends. */
  readonly onRound?: (round: { readonly ours: number; readonly theirs: number }) => void;
}

export interface PairResult {
  readonly ours: Spread;
  readonly theirs: Spread;
  /** Ours by theirs, of each round: below 1 ours is the lower figure. */
  readonly ratio: Spread;
}

/** Measures ours and theirs in turn. */
export async function comparePairs({
  rounds,
  ours,
  theirs,
  onRound,
}: PairOptions): Promise<PairResult> {
  const pairs: { readonly ours: number; readonly theirs: number }[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const theirsFirst = round % 2 === 0 ? undefined : await theirs();
    const pair = { ours: await ours(), theirs: theirsFirst ?? (await theirs()) };
    pairs.push(pair);
    onRound?.(pair);
  }
  return {
    ours: spreadOf(pairs.map((pair) => pair.ours)),
    theirs: spreadOf(pairs.map((pair) => pair.theirs)),
    ratio: spreadOf(pairs.map((pair) => pair.ours / pair.theirs)),
  };
}

/** @param figures At least one. */
export function spreadOf(figures: readonly number[]): Spread {
  const sorted = [...figures].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const at = (index: number) => sorted[index] ?? Number.NaN;
  return {
    median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
    min: at(0),
    max: at(sorted.length - 1),
  };
}

/** Writes a spread as `450 (430 to 520)`. */
export function formatSpread({ median, min, max }: Spread, digits = 0): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)} to ${max.toFixed(digits)})`;
}
