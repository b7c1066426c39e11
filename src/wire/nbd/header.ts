/** The first bytes of a message, as they come: those that are there tell how many there will be. */

import type { Inflow } from '../inflow.ts';
import { viewOf } from './words.ts';

export class Header {
  readonly #bytes: Uint8Array;
  #taken = 0;
  /** The bytes, as numbers; those that {@link Header.fill} has not asked for mean nothing. */
  readonly view: DataView;

  constructor(lengthMax: number) {
    this.#bytes = new Uint8Array(lengthMax);
    this.view = viewOf(this.#bytes);
  }

  /** Takes bytes until there are `length` of them. @returns Whether there are. */
  fill(length: number, inflow: Inflow): boolean {
    this.#taken += inflow.takeInto(this.#bytes, this.#taken, length);
    return this.#taken >= length;
  }

  /** Begins with the next message. */
  clear(): void {
    this.#taken = 0;
  }
}
