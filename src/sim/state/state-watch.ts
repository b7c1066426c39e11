/**
 * What makes a state of a world: two ways of remembering what happened, of which a search takes
 * one. What is there to be seen of the disks, the requests and the time counts in both.
 */

import type { Digest } from '../fingerprint.ts';
import type { GuestWatcher } from '../guest.ts';
import type { JobNews } from '../mirror-view.ts';
import type { TurnstileWatcher } from '../turnstile.ts';

/** Is told of everything, and remembers of it what a state is made of. */
export interface StateWatch extends TurnstileWatcher, GuestWatcher {
  heard(news: JobNews): void;
  /** The operator has started the mirror, or said something. */
  said(what: string): void;
  /** Time is about to go on. @param state The state until now. */
  timePasses(state: number): void;
  /** Everything that goes on by itself has done so. */
  settled(): void;
  addTo(digest: Digest): void;
}
