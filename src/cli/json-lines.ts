/** What programs are told: one JSON object a line, shaped as the events of QMP are. */

import type { Env } from '../env/env.ts';

/** @returns The line for an event of ours, stamped with the time. */
export function eventLine({ clock }: Pick<Env, 'clock'>, event: string, data: object): string {
  const microseconds = Math.floor(clock.wallMs() * 1000);
  const timestamp = {
    seconds: Math.floor(microseconds / 1e6),
    microseconds: microseconds % 1e6,
  };
  return JSON.stringify({ event, data, timestamp });
}

/** @returns The line for an event that has its time; which comes last, for who reads along. */
export function stampedLine({ timestamp, ...event }: { readonly timestamp: object }): string {
  return JSON.stringify({ ...event, timestamp });
}
