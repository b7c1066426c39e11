/** The one line that shows a mirror at work. */

import { formatDuration, formatSize } from '../base/units.ts';
import type { MirrorProgress } from '../jobs/mirror/mirror.ts';

/** What a guest achieves at present. */
export interface GuestRate {
  /** Requests a second. */
  readonly iops: number;
  readonly p99Ms: number;
}

const BAR_LENGTH = 20;

/**
 * Describes a mirror's progress.
 *
 * @param columns What the line may take up at most.
 */
export function progressLine(
  progress: MirrorProgress,
  guest: GuestRate | undefined,
  columns: number,
): string {
  const parts = progress.phase === 1 ? firstPhase(progress) : secondPhase(progress);
  if (guest) parts.push(`guest ${Math.round(guest.iops)} IOPS p99 ${formatLatency(guest.p99Ms)}`);
  let line = parts.join(' | ');
  // The last parts are the first to go.
  while (line.length >= columns && parts.length > 1) {
    parts.pop();
    line = parts.join(' | ');
  }
  return line.slice(0, Math.max(columns - 1, 0));
}

function firstPhase({ offset, len, copyRate, converges, secondsLeft }: MirrorProgress): string[] {
  // Full only when source and target have met, which ends this phase.
  const share = len === 0 ? 0 : Math.min(offset / len, 0.999);
  const filled = Math.floor(share * BAR_LENGTH);
  const bar = '#'.repeat(filled).padEnd(BAR_LENGTH, '-');
  const left =
    secondsLeft === undefined
      ? 'does not converge at this rate'
      : `${formatDuration(secondsLeft * 1000)} left`;
  return [
    `phase 1 [${bar}] ${(share * 100).toFixed(1)} %`,
    `${formatSize(offset)} of ${formatSize(len)}`,
    `${formatSize(copyRate)}/s`,
    converges || copyRate > 0 ? left : 'starting',
  ];
}

function secondPhase({ offset, copyRate, dirtyRate, remaining }: MirrorProgress): string[] {
  return [
    `phase 2 [${'='.repeat(BAR_LENGTH)}] in step`,
    `${formatSize(remaining)} dirty`,
    `copied ${formatSize(copyRate)}/s, dirtied ${formatSize(dirtyRate)}/s`,
    `${formatSize(offset)} in all`,
  ];
}

/** Writes a latency with three digits: `85 us`, `1.2 ms`. */
export function formatLatency(ms: number): string {
  return ms < 1 ? `${Math.round(ms * 1000)} us` : `${ms.toFixed(1)} ms`;
}
