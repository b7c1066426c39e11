/**
 * Whether to look again, before this process sleeps, for what may come next.
 *
 *     came             came                 came
 *      |-work-|~~look~~|-work-|~~~~look~~~~|-work-|~~~look in vain~~~|  sleep
 *                                                 '---- WINDOW_MS ---'
 *
 * Who sleeps has to be woken up, which on an idle virtual machine costs both sides more than most
 * requests do: a request and its reply of 4 KiB over a Unix socket took 76 microseconds there, and
 * 32 of the server's processor time; 22 and 22 while the server went on looking. But to look in
 * vain takes the processor from others. So the time between two turns of work is watched, and there
 * is looking only while most of what comes does so shortly after what came before. (QEMU does the
 * same in its I/O threads: "adaptive polling", `poll-max-ns`.)
 *
 * Looking is a turn of the event loop: all that comes in any way is taken, whatever it is.
 */

/** How long it looks; in milliseconds, as all that follows. */
export const WINDOW_MS = 0.05;
/** What came so soon would have come within the window, for a sleeper is told late. */
const SOON_MS = 0.1;

/** In vain counts twice, for a window costs more than a sleep. */
const LOSS = 2;
const SCORE_MAX = 8;
const SCORE_ENOUGH = 4;

/** What it needs of the event loop. */
export interface PollingLoop {
  nowMs(): number;
  /** Calls back when all has been taken that has come by now. */
  turn(callback: () => void): void;
}

export class AdaptivePolling {
  readonly #loop: PollingLoop;
  #score = 0;
  /**
   * `working`, something has come in this turn of the event loop; `looking`, for what comes next;
   * `asleep`, as soon as there is nothing else to do.
   */
  #state: 'working' | 'looking' | 'asleep' = 'asleep';
  /** When the work was done after which nothing has come, unless that has counted already. */
  #restMs: number | undefined;

  constructor(loop: PollingLoop) {
    this.#loop = loop;
  }

  /** Something has come that may well be followed by more, such as a request or a reply. */
  came(): void {
    if (this.#state === 'working') return;
    const isLooking = this.#state === 'looking';
    this.#state = 'working';
    if (this.#restMs !== undefined) {
      this.#count(isLooking || this.#loop.nowMs() - this.#restMs <= SOON_MS);
    }
    // Else the next turn is due already.
    if (!isLooking) this.#loop.turn(this.#step);
  }

  readonly #step = () => {
    const nowMs = this.#loop.nowMs();
    if (this.#state === 'working') {
      this.#restMs = nowMs;
      this.#state = this.#score >= SCORE_ENOUGH ? 'looking' : 'asleep';
    } else if (this.#restMs === undefined || nowMs - this.#restMs > WINDOW_MS) {
      this.#count(false);
      this.#restMs = undefined;
      this.#state = 'asleep';
    }
    if (this.#state === 'looking') this.#loop.turn(this.#step);
  };

  #count(isSoon: boolean): void {
    const score = this.#score + (isSoon ? 1 : -LOSS);
    this.#score = Math.min(Math.max(score, 0), SCORE_MAX);
  }
}
