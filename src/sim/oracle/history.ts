/**
 * What the guest's own memory says about a sector: which contents a read may give.
 *
 * A write that ended before another one began, which ended before the read began, is overwritten.
 * Anything else that began before the read ended may show: the writes in flight, those that failed
 * (nobody knows whether they took effect), and of several that overlapped any.
 */

import { DISCARDED_STAMP, initialStamp, ZERO_STAMP } from '../content.ts';
import { changes, type GuestRecord, stampOf } from '../guest.ts';
import type { Scenario } from '../scenario.ts';

/** When somebody looked, in the guest's moments. */
export interface Look {
  readonly began: number;
  readonly ended: number;
}

/** For somebody who looks now, after all that has ended. */
export const NOW: Look = { began: Number.POSITIVE_INFINITY, ended: Number.POSITIVE_INFINITY };

export interface History {
  readonly scenario: Scenario;
  readonly records: readonly GuestRecord[];
}

/** What the guest's disk holds in a sector before the guest has written. */
export function firstStamp({ source }: Scenario, sector: number): number {
  const isZero = source.fill === 'zeroes' || (source.zeroSectors?.includes(sector) ?? false);
  return isZero ? ZERO_STAMP : initialStamp('source', sector);
}

/**
 * The contents that a sector may have for somebody who looks.
 *
 * @param isKept Whether an ended write counts as one that has replaced what was before it.
 * @returns The stamps; `undefined` when a discard leaves it open.
 */
export function allowedStamps(
  { scenario, records }: History,
  sector: number,
  look: Look,
  isKept: (record: GuestRecord) => boolean = ({ ok }) => ok,
): ReadonlySet<number> | undefined {
  const writes = records.filter((record) => changes(record, sector) && record.began < look.ended);
  const replacing = writes.filter((record) => record.ended < look.began && isKept(record));
  const isReplaced = (ended: number) => replacing.some(({ began }) => began > ended);
  const visible = writes.filter(({ ended }) => !isReplaced(ended));
  if (visible.some(({ step }) => step.type === 'discard')) return undefined;
  const stamps = visible.map((record) => stampOf(record, sector));
  if (!isReplaced(0)) stamps.push(firstStamp(scenario, sector));
  return new Set(stamps);
}

/** Whether nobody can say what a sector holds. */
export function isOpen(history: History, sector: number): boolean {
  return allowedStamps(history, sector, NOW) === undefined;
}

/**
 * Whether reads of one sector fit in one order with the writes: the test of Gibbons and Korach
 * ("Testing Shared Memories", 1997) for a register whose writes all differ. A value lives from its
 * write to its last read; the zones of two values that certainly overlap contradict each other.
 *
 * @returns The stamps that contradict each other, if any do.
 */
export function contradiction(
  history: History,
  sector: number,
): readonly [number, number] | undefined {
  const zones = zonesOf(history, sector);
  for (const [at, zone] of zones.entries()) {
    for (const other of zones.slice(at + 1)) {
      if (areContrary(zone, other)) return [zone.stamp, other.stamp];
    }
  }
  return undefined;
}

interface Zone {
  readonly stamp: number;
  /** When the first of its requests ended, and the last one began. */
  firstEnd: number;
  lastBegin: number;
}

/** Whether two certain stretches overlap, or one surely contains the only moment of the other. */
function areContrary(one: Zone, other: Zone): boolean {
  return one.firstEnd < other.lastBegin && other.firstEnd < one.lastBegin;
}

function zonesOf({ scenario, records }: History, sector: number): readonly Zone[] {
  const zones = new Map<number, Zone>();
  const twice = new Set<number>([DISCARDED_STAMP]);
  const first = firstStamp(scenario, sector);
  zones.set(first, { stamp: first, firstEnd: 0, lastBegin: 0 });
  for (const record of records) {
    if (!changes(record, sector)) continue;
    const stamp = stampOf(record, sector);
    if (zones.has(stamp)) twice.add(stamp);
    const firstEnd = record.ok ? record.ended : Number.POSITIVE_INFINITY;
    zones.set(stamp, { stamp, firstEnd, lastBegin: record.began });
  }
  const isAmbiguous = records.some(({ step }) => step.type === 'discard');
  for (const { step, ok, stamps, began, ended } of records) {
    if (step.type !== 'read' || !ok || isAmbiguous) continue;
    const zone = zones.get(stamps[sector - step.sector] ?? -1);
    if (!zone) continue;
    zone.firstEnd = Math.min(zone.firstEnd, ended);
    zone.lastBegin = Math.max(zone.lastBegin, began);
  }
  return [...zones.values()].filter(({ stamp }) => !twice.has(stamp));
}
