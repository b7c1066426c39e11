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
 */

/** Calls. */
const PAUSE_MIN = 8;
const PAUSE_MAX = 4096;

export class Promptness {
  readonly #promptMs: number;
  #pause = PAUSE_MIN;
  /** How many calls are still not to be waited for. */
  #left = 0;
  /** How many in a row have been prompt. */
  #prompt = 0;

  /** @param promptMs What takes longer was not answered from memory. */
  constructor(promptMs: number) {
    this.#promptMs = promptMs;
  }

  /** @returns Whether to wait for the next call; then {@link Promptness.took} is told of it. */
  expect(): boolean {
    if (this.#left === 0) return true;
    this.#left -= 1;
    return false;
  }

  /** A call that was waited for has ended. */
  took(ms: number): void {
    if (ms > this.#promptMs) {
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
}
