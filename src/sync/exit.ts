/**
 * A way out for those who wait for what may never come.
 *
 * Who waits through it is let go when what was waited for has ended, or when somebody opens the
 * exit, whichever is first. What was waited for is not ended by that: nobody waits any more, and
 * how it ends is nobody's affair.
 */

import type { Pending } from '../base/pending.ts';

export class Exit {
  readonly #leavers = new Set<() => void>();
  #isOpen = false;

  /** Lets all go who wait, and those who come to wait. */
  open(): void {
    this.#isOpen = true;
    for (const leave of [...this.#leavers]) leave();
  }

  /**
   * Waits for `request`.
   *
   * @param left Called instead, for the result or to throw, when the exit is open before it ends.
   * @returns The result of `request`, at once if it is here already.
   */
  wait<T, Left>(request: Pending<T>, left: () => Left): Pending<T | Left> {
    if (!(request instanceof Promise)) return request;
    return new Promise<T | Left>((resolve, reject) => {
      const leave = () => {
        this.#leavers.delete(leave);
        try {
          resolve(left());
        } catch (error) {
          reject(error);
        }
      };
      // What comes after the exit was taken finds a promise that is settled, and changes nothing.
      void request.then(resolve, reject).then(() => this.#leavers.delete(leave));
      if (this.#isOpen) leave();
      else this.#leavers.add(leave);
    });
  }
}
