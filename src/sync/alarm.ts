/**
 * A sleep that can be ended early.
 *
 * One loop sleeps; whoever changes what the loop looks at rings. Ringing while nobody sleeps is
 * forgotten, so the loop looks at everything and then sleeps without an `await` in between.
 */

/** What an alarm needs of a clock. */
export interface Timers {
  /** Calls `callback` once, `delayMs` or later from now, unless it is cancelled before. */
  after(delayMs: number, callback: () => void): { cancel(): void };
}

export class Alarm {
  readonly #timers: Timers;
  #wake: (() => void) | undefined;
  #timer: { cancel(): void } | undefined;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** Resolves at the next {@link Alarm.ring}, or after `delayMs` when that is given. */
  sleep(delayMs?: number): Promise<void> {
    if (this.#wake) throw new TypeError('Cannot sleep: an alarm is for one sleeper at a time');
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (delayMs !== undefined) this.#timer = this.#timers.after(delayMs, () => this.ring());
    });
  }

  /** Whether somebody sleeps. */
  get isSleeping(): boolean {
    return this.#wake !== undefined;
  }

  /** Ends the sleep, if somebody sleeps. */
  ring(): void {
    const wake = this.#wake;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#wake = undefined;
    wake?.();
  }
}

/** Resolves after `delayMs`, or as soon as `over` is settled. */
export async function sleepUntil(
  timers: Timers,
  delayMs: number,
  over: Promise<unknown>,
): Promise<void> {
  const alarm = new Alarm(timers);
  try {
    await Promise.race([alarm.sleep(delayMs), over]);
  } finally {
    // A timer that nobody waits for would keep the process alive.
    alarm.ring();
  }
}
