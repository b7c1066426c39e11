/** What happened in a run, for people: one entry for each thing that somebody could have seen. */

/** Whose doing or sight it was. */
export type TraceColumn = 'guest' | 'device' | 'mirror' | 'source' | 'target' | 'world';

export interface TraceEntry {
  readonly step: number;
  /** Milliseconds of the world's clock. */
  readonly nowMs: number;
  readonly column: TraceColumn;
  readonly text: string;
  /** The sectors it was about, if any. */
  readonly sectors?: { readonly first: number; readonly count: number };
}

/** The most entries that are kept of a run; later ones are counted only. */
export const ENTRIES_MAX = 20_000;

export class Trace {
  readonly entries: TraceEntry[] = [];
  #dropped = 0;

  get dropped(): number {
    return this.#dropped;
  }

  add(entry: TraceEntry): void {
    if (this.entries.length < ENTRIES_MAX) this.entries.push(entry);
    else this.#dropped += 1;
  }
}
