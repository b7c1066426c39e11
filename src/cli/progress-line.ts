/** What is shown of a mirror at work, in parts that a wide terminal has on one line. */

import { formatDuration, formatSize } from '../base/units.ts';
import type { MirrorProgress } from '../jobs/mirror/mirror.ts';

/** What a guest achieves at present. */
export interface GuestRate {
  /** Requests a second. */
  readonly iops: number;
  readonly p99Ms: number;
}

/** How long the bar is, and what else stands in its part. */
const BAR_LENGTH = 20;
const BESIDE_BAR = 'phase 1 [] 99.9 %'.length + 1;
/** Estimates beyond are guesses. */
const LEFT_MAX_MS = 99 * 3600 * 1000;

/**
 * Describes a mirror's progress.
 *
 * Each part keeps its length from one time to the next, so that lines do not jump.
 *
 * @param columns What the longest part may take up.
 */
export function progressParts(
  progress: MirrorProgress,
  guest: GuestRate | undefined,
  columns: number,
): string[] {
  const bar = Math.max(Math.min(BAR_LENGTH, columns - BESIDE_BAR), 0);
  const parts = progress.phase === 1 ? firstPhase(progress, bar) : secondPhase(progress, bar);
  if (guest) {
    parts.push(`${Math.round(guest.iops)} IOPS`.padEnd(9));
    parts.push(`p99 ${formatLatency(guest.p99Ms)}`.padEnd(12));
  }
  return parts;
}

/** The same for a log: one line, and only as long as it must be. */
export function progressLine(progress: MirrorProgress, guest: GuestRate | undefined): string {
  const parts = progressParts(progress, guest, Infinity);
  return parts.map((part) => part.trim()).join(' | ');
}

/** A bar with its number. @param share How much is done, from 0 to 1. */
export function progressBar(share: number, length: number): string {
  const filled = Math.floor(share * length);
  const bar = length > 0 ? `[${'#'.repeat(filled).padEnd(length, '-')}] ` : '';
  // Rounded down: it is full only when all is done.
  return `${bar}${(Math.floor(share * 1000) / 10).toFixed(1).padStart(4)} %`;
}

function firstPhase(progress: MirrorProgress, barLength: number): string[] {
  const { offset, len, copyRate, remaining } = progress;
  // Full only when source and target have met, which ends this phase.
  const share = len === 0 ? 0 : Math.min(offset / len, 0.999);
  return [
    `phase 1 ${progressBar(share, barLength)}`,
    `${formatSize(copyRate)}/s`.padEnd(12),
    `${formatSize(remaining)} dirty`.padEnd(15),
    estimate(progress).padEnd(17),
  ];
}

function estimate(progress: MirrorProgress): string {
  const { offset, remaining, copyRate, outlook, secondsLeft } = progress;
  if (offset === 0) return 'starting';
  if (remaining === 0) return 'flushing';
  if (copyRate === 0) return 'waiting';
  // The guest is who makes dirty what was copied.
  if (outlook === 'stalls') return 'guest as fast';
  if (outlook === 'diverges') return 'guest is faster';
  if (secondsLeft === undefined) return 'waiting';
  const ms = secondsLeft * 1000;
  return ms > LEFT_MAX_MS ? '> 99 h left' : `${formatDuration(ms)} left`;
}

function secondPhase(progress: MirrorProgress, barLength: number): string[] {
  const { copyRate, dirtyRate, remaining } = progress;
  const bar = barLength > 0 ? `[${'='.repeat(barLength)}] ` : '';
  return [
    `phase 2 ${bar}READY`.padEnd(BESIDE_BAR + barLength - 1),
    `${formatSize(remaining)} dirty`.padEnd(15),
    `copied ${formatSize(copyRate)}/s`.padEnd(18),
    `dirtied ${formatSize(dirtyRate)}/s`.padEnd(19),
  ];
}

/** Writes a latency with three digits: `85 us`, `1.2 ms`. */
export function formatLatency(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`;
  return ms < 1 ? `${Math.round(ms * 1000)} us` : `${ms.toFixed(1)} ms`;
}
