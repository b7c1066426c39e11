/**
 * What the museum shows: bugs that QEMU's mirror has had, or that one like it could have, each put
 * back into this program by one small change, with the smallest world in which it shows.
 *
 * The change is made to a copy of the compiled files, so the program itself knows nothing of it.
 */

import type { Invariant } from '../oracle/violation.ts';
import type { Scenario } from '../scenario.ts';

/** What kind of harm a bug does. */
export type Wing = 'lost data' | 'hangs' | 'wrong status' | 'latent';

/** One text of a compiled file that gives way to another. */
export interface Replacement {
  /** A compiled file, from the top of `dist/`: `jobs/mirror/pair.js`. */
  readonly file: string;
  /** Stands there once; however its words are broken into lines. */
  readonly find: string;
  readonly replace: string;
}

/** Where QEMU mended a bug. */
export interface Fix {
  /** The beginning of the commit's hash, or what the series was called. */
  readonly commit?: string;
  /** The subject of the commit, or what it was about. */
  readonly subject: string;
  readonly year?: number;
}

export interface Exhibit {
  /** The identifier and a few words: `B7-two-copies-one-granule`. */
  readonly name: string;
  /** As in our catalogue: `B7`. */
  readonly id: string;
  readonly wing: Wing;
  readonly title: string;
  /** What went wrong: the order of things that leads there, and what a user saw of it. */
  readonly story: string;
  /** How QEMU mended it; `undefined` for a bug that it has not had, or has. */
  readonly fix?: Fix;
  /** The source file that says why it does not happen here. */
  readonly argued: string;
  /** What puts it back. */
  readonly mutation: readonly Replacement[];
  /** The smallest world in which it shows. */
  readonly world: Scenario;
  /** What it breaks; other rules, which it may break as well, are not looked at. */
  readonly finds: readonly Invariant[];
  /**
   * Half of nine swarms found it in so many worlds drawn by chance, or fewer: "mirrordisk museum
   * --swarms 9" tells how many it takes now. @default Too many to be measured.
   */
  readonly swarmMedian?: number;
}

/** A bug of the catalogue that cannot be put back by a small change. */
export interface Absent {
  readonly id: string;
  readonly title: string;
  /** Why it cannot be, in a sentence. */
  readonly why: string;
  /** The source file in which that can be seen. */
  readonly argued: string;
  /** A world whose every schedule was run without it, where one can be made. */
  readonly world?: Scenario;
}
