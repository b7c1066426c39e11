/**
 * Whether a file answers at once, so that waiting for it costs less than being told.
 *
 * A request that the page cache answers takes some microseconds. To have a thread of Node's pool do
 * it and to be called back costs ten times that. But a request that goes to the disk, waited for,
 * would hold up everything else that this process does. Nobody can say beforehand which it will be,
 * so the file is tried: calls are waited for until one takes long, then some are not, then again
 * one is.
 *
 *     waited for   |||||||||||x          |x                    ||||||||||||||
 *     called back              ||||||||    ||||||||||||||||||||
 *                              pause       twice the pause
 *
 * The pause doubles with each call that takes long and halves when as many in a row did not, so
 * that a file which mostly goes to the disk is hardly ever waited for.
 *
 * On a busy machine a call takes long as well when another process gets the processor meanwhile.
 * Where it can be known that no disk was read since the last such call, this one was prompt.
 */

/** Calls. */
const PAUSE_MIN = 8;
const PAUSE_MAX = 4096;

/** What was read from disks so far; it costs some tenth of a microsecond to know. */
export type DiskReads = () => number;

export class Promptness {
  readonly #promptMs: number;
  readonly #diskReads: DiskReads | undefined;
  /** When they were last looked at; unset in a pause, for what is not waited for adds to them. */
  #readsSeen: number | undefined;
  #pause = PAUSE_MIN;
  /** How many calls are still not to be waited for. */
  #left = 0;
  /** How many in a row have been prompt. */
  #prompt = 0;

  /**
   * @param promptMs What takes longer was not answered from memory.
   * @param diskReads Where that is counted: unless it grows, it was all the same.
   */
  constructor(promptMs: number, diskReads?: DiskReads) {
    this.#promptMs = promptMs;
    this.#diskReads = diskReads;
  }

  /** @returns Whether to wait for the next call; then {@link Promptness.took} is told of it. */
  expect(): boolean {
    if (this.#left > 0) {
      this.#left -= 1;
      return false;
    }
    this.#readsSeen ??= this.#diskReads?.();
    return true;
  }

  /** A call that was waited for has ended. */
  took(ms: number): void {
    if (ms > this.#promptMs && this.#wentToDisk()) {
      this.#left = this.#pause;
      this.#pause = Math.min(this.#pause * 2, PAUSE_MAX);
      this.#prompt = 0;
      return;
    }
    this.#prompt += 1;
    if (this.#prompt < this.#pause) return;
    this.#pause = Math.max(this.#pause / 2, PAUSE_MIN);
    this.#prompt = 0;
  }

  #wentToDisk(): boolean {
    if (!this.#diskReads) return true;
    const reads = this.#diskReads();
    if (reads === this.#readsSeen) return false;
    this.#readsSeen = undefined;
    return true;
  }
}
