/** I1, I3, I15, I16 and the source's peace: what the bitmap says against what the disks hold. */

import type { ByteRange } from '../../base/ranges.ts';
import { SECTOR_SIZE } from '../../device/request.ts';
import { describeStamp, stampAt } from '../content.ts';
import type { SimDisk } from '../disk.ts';
import { changes, type GuestRecord } from '../guest.ts';
import type { Inspection } from '../mirror-view.ts';
import { isOpen } from './history.ts';
import { isGivenUp, type OracleView, PlanWatch, type Rule } from './rule.ts';

/** @returns The first sector in the range that differs, counts, and whose content is not open. */
export function firstDifference(
  view: OracleView,
  { offset, length }: ByteRange,
  counts: (sector: number) => boolean = () => true,
): number | undefined {
  const end = offset + length;
  for (let at = offset; at < end; at += SECTOR_SIZE) {
    const isEqual = sameSector(view.source.bytes, view.target.bytes, at);
    const sector = at / SECTOR_SIZE;
    if (!isEqual && counts(sector) && !isOpenNow(view, sector)) return sector;
  }
  return undefined;
}

/** Whether all bytes of both disks are the same. */
export function areEqual({ source, target }: OracleView): boolean {
  return Buffer.compare(source.bytes, target.bytes) === 0;
}

export function isOpenNow({ scenario, guest }: OracleView, sector: number): boolean {
  return isOpen({ scenario, records: guest.records }, sector);
}

/** What is in a sector of a disk, in words. */
export function contentOf(disk: SimDisk, sector: number): string {
  return describeStamp(stampAt(disk.bytes, sector * SECTOR_SIZE));
}

/** Whether a change touches the range. */
function isIn({ offset, length }: ByteRange): (record: GuestRecord) => boolean {
  const [start, end] = [offset / SECTOR_SIZE, (offset + length) / SECTOR_SIZE];
  return ({ step }) => {
    if (step.type === 'read' || step.type === 'flush') return false;
    return step.sector < end && start < step.sector + step.sectors;
  };
}

function sameSector(left: Uint8Array, right: Uint8Array, at: number): boolean {
  const end = at + SECTOR_SIZE;
  return Buffer.compare(left.subarray(at, end), right.subarray(at, end)) === 0;
}

/**
 * I1: what is clean, unclaimed and not being written is equal.
 *
 * It holds from the moment on at which the plan is made, which shows by the mirror's first read; of
 * a mirror of what is new only, it holds for what the guest has written.
 */
export function consistencyRule(view: OracleView): Rule {
  const isNewOnly = view.scenario.mirror.sync === 'none';
  const plan = new PlanWatch();
  /** What the guest began when there was no mirror. */
  const early = new Set<GuestRecord>();

  function isExempt(inside: Inspection, granule: ByteRange): boolean {
    return inside.isClaimed(granule) || view.guest.unfinished.some(isIn(granule));
  }

  /** Whether the mirror has anything to do with a sector. */
  function isMirrored(sector: number): boolean {
    const isNew = (record: GuestRecord) =>
      record.ok && !early.has(record) && changes(record, sector);
    return !isNewOnly || view.guest.records.some(isNew);
  }

  return {
    arrived: (passage) => plan.arrived(passage),
    heard: (news) => plan.heard(news),
    submitted(record) {
      if (!view.mirror) early.add(record);
    },
    step() {
      if (!plan.isMade || !view.mirror || view.mirror.ending || areEqual(view)) return;
      if (isGivenUp(view) || view.mirror.status === 'aborting') return;
      const inside = view.mirror.inspect();
      if (view.guestDisk === 'target') return;
      const { size, granularity } = inside.dirty;
      for (let offset = 0; offset < size; offset += granularity) {
        const granule = { offset, length: Math.min(granularity, size - offset) };
        if (inside.dirty.test(offset) || isExempt(inside, granule)) continue;
        const sector = firstDifference(view, granule, isMirrored);
        if (sector === undefined) continue;
        view.report({
          invariant: 'I1 clean ranges are equal',
          expected: `${contentOf(view.source, sector)} on the target in sector ${sector}`,
          found: contentOf(view.target, sector),
          sector,
        });
      }
    },
  };
}

/** I3: when the guest learns that a change is made, it is dirty, on its way or on the target. */
export function acknowledgementRule(view: OracleView): Rule {
  return {
    completed(record) {
      const inside = view.mirror?.ending ? undefined : view.mirror?.inspect();
      if (!inside || !record.ok || view.guestDisk === 'target') return;
      if (isGivenUp(view) || view.mirror?.status === 'aborting') return;
      const { step } = record;
      for (let sector = step.sector; changes(record, sector); sector += 1) {
        const at = { offset: sector * SECTOR_SIZE, length: SECTOR_SIZE };
        if (inside.dirty.test(at.offset)) continue;
        // Another write there may have changed the source, and is yet to mark it.
        if (inside.isClaimed(at) || view.guest.unfinished.some(isIn(at))) continue;
        if (firstDifference(view, at) === undefined) continue;
        view.report({
          invariant: 'I3 acknowledged changes are dirty or copied',
          expected: `sector ${sector} dirty, claimed or equal when request ${record.index} ended`,
          found: `clean, with ${contentOf(view.target, sector)} on the target`,
          sector,
        });
      }
    },
  };
}

/** I15: nobody asks a disk for what it has not. */
export function boundaryRule(view: OracleView): Rule {
  return {
    arrived({ call, label }) {
      const { disk, offset, length } = call;
      const size = view[disk].size();
      if (offset >= 0 && length >= 0 && offset + length <= size) return;
      view.report({
        invariant: 'I15 within the disk',
        expected: `requests within ${size} bytes`,
        found: label,
      });
    },
  };
}

/** I16: a mirror that says that both disks get all writes has nothing dirty. */
export function activelySyncedRule(view: OracleView): Rule {
  return {
    step() {
      const inside = view.mirror?.ending ? undefined : view.mirror?.inspect();
      if (!inside || inside.dirty.dirtyBytes === 0 || !inside.activelySynced) return;
      if (view.guest.unfinished.some(({ step }) => step.type !== 'read')) return;
      view.report({
        invariant: 'I16 actively synced is clean',
        expected: 'nothing dirty',
        found: `${inside.dirty.dirtyBytes} dirty bytes`,
      });
    },
  };
}

/** The mirror never writes to its source. */
export function sourceRule(view: OracleView): Rule {
  return {
    arrived({ call, changes: isChange, label }) {
      if (!isChange || call.disk !== 'source' || call.origin !== 'job') return;
      if (call.operation === 'flush') return;
      view.report({
        invariant: 'the source is left alone',
        expected: 'the mirror to read the source only',
        found: label,
      });
    },
  };
}
