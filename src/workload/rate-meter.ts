/** How many events there were in the last second, from counts of tenths of a second. */

const PART_MS = 100;
const PARTS_PER_SECOND = 1000 / PART_MS;

export class RateMeter {
  readonly #counts = new Float64Array(PARTS_PER_SECOND + 1);
  readonly #startMs: number;
  #part: number;

  constructor(startMs: number) {
    this.#startMs = startMs;
    this.#part = Math.floor(startMs / PART_MS);
  }

  record(nowMs: number): void {
    const index = this.#advance(nowMs);
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
  }

  /** @returns Events a second over the last second, or since the start while that is shorter. */
  perSecond(nowMs: number): number {
    const present = this.#advance(nowMs);
    const elapsedMs = nowMs - this.#startMs;
    const sum = this.#counts.reduce((total, count) => total + count, 0);
    if (elapsedMs < 1000) return elapsedMs > 0 ? (sum * 1000) / elapsedMs : 0;
    // The present tenth is not over: the ten before it are a whole second.
    return sum - (this.#counts[present] ?? 0);
  }

  /** Forgets what is too old. @returns The place of the present tenth. */
  #advance(nowMs: number): number {
    const part = Math.floor(nowMs / PART_MS);
    const { length } = this.#counts;
    if (part - this.#part >= length) this.#counts.fill(0);
    else for (let old = this.#part + 1; old <= part; old += 1) this.#counts[old % length] = 0;
    this.#part = Math.max(part, this.#part);
    return this.#part % length;
  }
}
