/** How far the writes to a disk have reached, for those who enlarge its storage in time. */

/** A mark that somebody waits for writes to pass. */
export interface WriteThreshold {
  /** Where in the disk, in bytes. */
  readonly offset: number;
  /** Called once, with how many bytes a write is to reach beyond the mark. */
  readonly onExceeded: (bytes: number) => void;
}

export class WriteReach {
  #highest = 0;
  #threshold: WriteThreshold | undefined;

  /** Where the write ended, or failed to, that reached furthest. */
  get highest(): number {
    return this.#highest;
  }

  /** The mark that is waited for; 0 when there is none. */
  get threshold(): number {
    return this.#threshold?.offset ?? 0;
  }

  /** Waits for writes to pass a mark, and no more for another one. */
  watch(threshold: WriteThreshold | undefined): void {
    this.#threshold = threshold;
  }

  /** A write is about to begin that ends at `end`. */
  note(end: number): void {
    if (end > this.#highest) this.#highest = end;
    const threshold = this.#threshold;
    if (!threshold || end <= threshold.offset) return;
    this.#threshold = undefined;
    threshold.onExceeded(end - threshold.offset);
  }
}
