/**
 * When a guest's requests are meant to start.
 *
 * A closed loop starts one whenever one is done. An open loop has a timetable: request k is meant
 * to start k / rate seconds after the first, whatever became of the others, and its latency counts
 * from then. A disk that stalls for a second so makes a second's worth of requests late, and not
 * just the one it stalled on ("coordinated omission"). Timers are good to a millisecond, so the
 * timetable is rounded up to whole ones: what is due within a millisecond is one batch.
 */

/** The grid of the timetable. */
const TICK_MS = 1;

export interface Pace {
  /** Takes the next request out of the timetable. @returns When it was due, if it is due by now. */
  next(nowMs: number): number | undefined;
  /** When the next request is due. */
  readonly dueMs: number;
  /** How many requests are due by now and not taken. */
  backlog(nowMs: number): number;
  /** Strikes the oldest of those that are due off the timetable. */
  skip(count: number): void;
}

/** @returns A pace at which a request is due at any time. */
export function closedLoop(): Pace {
  return { next: (nowMs) => nowMs, dueMs: 0, backlog: () => 0, skip: () => {} };
}

/** @returns A pace of so many requests a second, more than 0, the first of them at `startMs`. */
export function openLoop(requestsPerSecond: number, startMs: number): Pace {
  const perTick = (requestsPerSecond * TICK_MS) / 1000;
  let taken = 0;
  const dueMs = () => startMs + Math.ceil(taken / perTick) * TICK_MS;
  return {
    next(nowMs) {
      const due = dueMs();
      if (due > nowMs) return undefined;
      taken += 1;
      return due;
    },
    get dueMs() {
      return dueMs();
    },
    backlog(nowMs) {
      const ticks = Math.floor((nowMs - startMs) / TICK_MS);
      return Math.max(Math.floor(ticks * perTick) + 1 - taken, 0);
    },
    skip(count) {
      taken += count;
    },
  };
}
