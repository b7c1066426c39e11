/** How often one run of a command was asked to end, for whoever is in charge at the moment. */

import type { CommandIo, InterruptCause } from './command.ts';

/** Ends what a run was doing because it was asked to; never leaves the run. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** What to do at the first, the second, ... of them. @returns What to tell the user of it. */
export type InterruptHandler = (count: number) => string;

export class Interrupts {
  readonly #io: CommandIo;
  readonly #release: () => void;
  #count = 0;
  #cause: InterruptCause | undefined;
  #handler: InterruptHandler | undefined;

  /** Counts from now on; {@link Interrupts.close} ends that. */
  constructor(io: CommandIo) {
    this.#io = io;
    this.#release = io.onInterrupt((cause) => {
      this.#count += 1;
      this.#cause = cause;
      this.#handle();
    });
  }

  /** Puts `handler` in charge, and calls it now if there was a request before. */
  handle(handler: InterruptHandler): void {
    this.#handler = handler;
    if (this.#count > 0) this.#handle();
  }

  /**
   * Makes something end at the next request.
   *
   * @param text What to tell the user then.
   * @returns A function that throws {@link Interrupted} once there was another request.
   */
  guard(text: string): () => void {
    const before = this.#count;
    this.#handler = () => text;
    return () => {
      if (this.#count > before) throw new Interrupted();
    };
  }

  close(): void {
    this.#release();
  }

  #handle(): void {
    const text = this.#handler?.(this.#count);
    // Of lost output the user has been told.
    if (text !== undefined && this.#cause === 'signal') this.#io.err(`Interrupted: ${text}`);
  }
}
