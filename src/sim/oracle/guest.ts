/** What the guest was promised: that it reads what it wrote, and that flushed writes last. */

import { SECTOR_SIZE } from '../../device/request.ts';
import { describeStamp, stampAt } from '../content.ts';
import { changes, type GuestRecord } from '../guest.ts';
import { allowedStamps, contradiction, NOW } from './history.ts';
import type { OracleView, Rule } from './rule.ts';

/** Every read gives what a disk could give that does one request after the other. */
export function readRule(view: OracleView): Rule {
  const history = { scenario: view.scenario, records: view.guest.records };

  function checkSector(record: GuestRecord, sector: number, stamp: number): void {
    const allowed = allowedStamps(history, sector, record);
    const read = `read ${record.index} of sector ${sector}`;
    const invariant = 'reads are linearisable';
    if (allowed && !allowed.has(stamp)) {
      const expected = `${read} to give ${[...allowed].map(describeStamp).join(' or ')}`;
      view.report({ invariant, expected, found: describeStamp(stamp), sector });
      return;
    }
    const pair = contradiction(history, sector);
    if (!pair) return;
    const found = `both ${pair.map(describeStamp).join(' and ')} behind the other`;
    view.report({ invariant, expected: `one order for ${read}`, found, sector });
  }

  return {
    completed(record) {
      const { step, stamps } = record;
      if (step.type !== 'read' || !record.ok) return;
      for (const [at, stamp] of stamps.entries()) checkSector(record, step.sector + at, stamp);
    },
  };
}

/** The disk that the guest ends on holds every write that it was told was made. */
export function keptRule(view: OracleView): Rule {
  return {
    end() {
      const { scenario, guest } = view;
      const disk = view.guestDisk === 'target' ? view.target : view.source;
      const isPartial = scenario.mirror.sync === 'none' && view.guestDisk === 'target';
      for (let sector = 0; sector < scenario.sectors; sector += 1) {
        if (isPartial && !guest.records.some((record) => changes(record, sector))) continue;
        const allowed = allowedStamps({ scenario, records: guest.records }, sector, NOW);
        const stamp = stampAt(disk.bytes, sector * SECTOR_SIZE);
        if (!allowed || allowed.has(stamp)) continue;
        view.report({
          invariant: 'acknowledged writes are kept',
          expected: `${[...allowed].map(describeStamp).join(' or ')} in sector ${sector}`,
          found: `${describeStamp(stamp)} on the ${disk.name}`,
          sector,
        });
      }
    },
  };
}

/**
 * After a power cut the guest's disk holds what was flushed, or something newer.
 *
 * @param image What the cut left of the guest's disk.
 */
export function checkDurable(view: OracleView, image: Uint8Array): void {
  const { scenario, guest } = view;
  const flushes = guest.records.filter(({ step, ok }) => step.type === 'flush' && ok);
  const isFlushed = ({ ok, ended }: GuestRecord) =>
    ok && flushes.some(({ began }) => began > ended);
  for (let sector = 0; sector < scenario.sectors; sector += 1) {
    const history = { scenario, records: guest.records };
    const allowed = allowedStamps(history, sector, NOW, isFlushed);
    const stamp = stampAt(image, sector * SECTOR_SIZE);
    if (!allowed || allowed.has(stamp)) continue;
    view.report({
      invariant: 'flushed writes are durable',
      expected: `${[...allowed].map(describeStamp).join(' or ')} in sector ${sector}`,
      found: `${describeStamp(stamp)} after the power cut`,
      sector,
    });
  }
}
