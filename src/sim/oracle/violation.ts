/** What a simulated world found wrong, as a value. */

/**
 * What was promised. The numbers are those of the invariants of QEMU's mirror that we hold
 * ourselves to; the words are promises beside them.
 */
export type Invariant =
  | 'I1 clean ranges are equal'
  | 'I3 acknowledged changes are dirty or copied'
  | 'I7 ready is true'
  | 'I8 the end is under a drain'
  | 'I9 completed is equal'
  | 'I10 one ending'
  | 'I11 progress adds up'
  | 'I12 few copies in flight'
  | 'I13 paused is at rest'
  | 'I15 within the disk'
  | 'I16 actively synced is clean'
  | 'I17 everything ends'
  | 'events in order'
  | 'the source is left alone'
  | 'the guest is where it should be'
  | 'reads are linearisable'
  | 'acknowledged writes are kept'
  | 'flushed writes are durable'
  | 'errors have a cause'
  | 'failures are tried again later'
  | 'the speed is kept'
  | 'nothing is left over'
  | 'the program is right about itself';

export interface Violation {
  readonly invariant: Invariant;
  readonly expected: string;
  readonly found: string;
  /** The step after which it was seen, from 0. */
  readonly step: number;
  /** The sector that is wrong, where it is one. */
  readonly sector?: number;
}

/** A violation as one sentence. */
export function describeViolation({ invariant, expected, found, step }: Violation): string {
  return `step ${step} breaks "${invariant}": expected ${expected}, found ${found}`;
}
