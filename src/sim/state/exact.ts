/** The exact state: everything that the product was told, in the order in which it was. */

import { Digest } from '../fingerprint.ts';
import type { GuestRecord } from '../guest.ts';
import type { JobNews } from '../mirror-view.ts';
import type { Passage } from '../turnstile.ts';
import type { StateWatch } from './state-watch.ts';

export class ExactState implements StateWatch {
  readonly #told = new Digest();

  // The product learns of a request's effect by its answer.
  arrived(): void {}
  tookEffect(): void {}
  settled(): void {}

  answered({ label, seen, error }: Passage): void {
    this.#told.addText(`${label} ${error?.code ?? ''}`).add(seen);
  }

  submitted({ index }: GuestRecord): void {
    this.#told.addText('submit').add(index);
  }

  completed({ index }: GuestRecord): void {
    this.#told.addText('complete').add(index);
  }

  heard({ name, status = '' }: JobNews): void {
    this.#told.addText(`${name} ${status}`);
  }

  said(what: string): void {
    this.#told.addText(what);
  }

  timePasses(state: number): void {
    this.#told.addText('time').add(state);
  }

  addTo(digest: Digest): void {
    digest.add(this.#told.value);
  }
}
