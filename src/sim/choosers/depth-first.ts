/**
 * The step from one run to the next in a depth-first search that begins each run anew: the deepest
 * point that has another way left takes it, and what was below it is forgotten.
 */

/** One point of a run: which of its ways is being gone. */
export interface Fork {
  at: number;
}

/**
 * Goes on to the next way.
 *
 * @param waysOf How many ways a point has.
 * @returns Whether there is one; if not, no point is left.
 */
export function toNextWay<Point extends Fork>(
  points: Point[],
  waysOf: (point: Point) => number,
): boolean {
  for (let last = points.at(-1); last; last = points.at(-1)) {
    last.at += 1;
    if (last.at < waysOf(last)) return true;
    points.pop();
  }
  return false;
}
