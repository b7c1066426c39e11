/**
 * What is said of a mirror that an error pauses, and of its going on: once for each cause, however
 * often it is tried in vain.
 */

import { formatDuration } from '../base/units.ts';
import type { JobEvent } from '../jobs/events.ts';

/** After this time the same error is told of again, in milliseconds. */
const AGAIN_MS = 60_000;
/** And another one after this time. */
const OTHER_MS = 1000;
/** How the reason of a pause begins that an error has brought about. */
const BY_ERROR = 'an error: ';

type StatusChange = JobEvent & { readonly event: 'JOB_STATUS_CHANGE' };

export class PauseTeller {
  readonly #retryMs: number;
  /** What brought about the last pause that was told of, and when that was. */
  #told = { error: '', nowMs: Number.NEGATIVE_INFINITY };
  /** A pause lasts that was told of. */
  #isTold = false;

  /** @param retryMs How long after a pause it is tried again, in milliseconds. */
  constructor(retryMs: number) {
    this.#retryMs = retryMs;
  }

  /** @returns What to tell people of a change of status, if anything. */
  tell({ data: { status }, reason }: StatusChange, nowMs: number): string | undefined {
    const goesOn = this.#isTold && (status === 'running' || status === 'ready');
    this.#isTold = false;
    if (status === 'paused' || status === 'standby') return this.#pause(reason, nowMs);
    return goesOn ? 'trying again' : undefined;
  }

  #pause(reason: string, nowMs: number): string | undefined {
    if (!reason.startsWith(BY_ERROR)) return undefined;
    const error = reason.slice(BY_ERROR.length);
    const quietMs = error === this.#told.error ? AGAIN_MS : OTHER_MS;
    if (nowMs - this.#told.nowMs < quietMs) return undefined;
    this.#told = { error, nowMs };
    this.#isTold = true;
    const delay = this.#retryMs > 0 ? `in ${formatDuration(this.#retryMs)}` : 'at once';
    return `PAUSED by an error: ${error}; trying again ${delay}`;
  }
}
