/** I7, I8, I9: what READY and COMPLETED promise, and where the guest is afterwards. */

import { SECTOR_SIZE } from '../../device/request.ts';
import { describeStamp, stampAt } from '../content.ts';
import { changes } from '../guest.ts';
import type { Passage } from '../turnstile.ts';
import { areEqual, contentOf, isOpenNow } from './bytes.ts';
import { allowedStamps, NOW } from './history.ts';
import { backgroundOf, isActive, isWriteBlocking, type OracleView, type Rule } from './rule.ts';
import type { Invariant } from './violation.ts';

/** Remembers whether all that was written to the target has been flushed. */
class FlushWatch {
  /** When the last write to the target was answered, in the turnstile's time. */
  #writtenAt = 0;
  #flushedAt = 0;

  answered({ call, error, arrivedAt, answeredAt }: Passage): void {
    if (call.disk !== 'target' || error) return;
    if (call.operation === 'flush') this.#flushedAt = Math.max(this.#flushedAt, arrivedAt);
    else if (call.operation === 'write' || call.operation === 'writeZeroes') {
      this.#writtenAt = answeredAt;
    }
  }

  get isDurable(): boolean {
    return this.#writtenAt <= this.#flushedAt || this.#writtenAt === 0;
  }
}

/** Whether a guest's write is in flight that may have changed the sector. */
function isBeingChanged({ guest }: OracleView, sector: number): boolean {
  return guest.unfinished.some((record) => changes(record, sector));
}

/** What READY and the end of the work have in common. */
function demandMet(view: OracleView, invariant: Invariant, flushes: FlushWatch): void {
  const report = (expected: string, found: string, sector?: number) =>
    view.report({ invariant, expected, found, ...(sector !== undefined && { sector }) });
  const [busy] = backgroundOf(view);
  if (busy) report('no copy in flight', busy.label);
  const dirty = view.mirror?.inspect()?.dirty.dirtyBytes ?? 0;
  if (dirty > 0) report('nothing dirty', `${dirty} dirty bytes`);
  const hasActive = view.held.some((passage) => isActive(view, passage));
  if (!flushes.isDurable && !hasActive && !isWriteBlocking(view.scenario)) {
    report('a flush of the target after the last write to it', 'none');
  }
  if (view.scenario.mirror.sync === 'none' || areEqual(view)) return;
  for (let sector = 0; sector < view.scenario.sectors; sector += 1) {
    if (isBeingChanged(view, sector) || isOpenNow(view, sector)) continue;
    const [source, target] = [contentOf(view.source, sector), contentOf(view.target, sector)];
    if (source !== target) report(`${source} on the target in sector ${sector}`, target, sector);
  }
}

/** I7: READY is said when it is true. */
export function readyRule(view: OracleView): Rule {
  const flushes = new FlushWatch();
  return {
    answered: (passage) => flushes.answered(passage),
    heard({ name }) {
      if (name === 'BLOCK_JOB_READY') demandMet(view, 'I7 ready is true', flushes);
    },
  };
}

/**
 * I8, I9: when the work is done nothing can change the disks until the guest is where it belongs,
 * and what the target holds then is what the guest knows that it wrote.
 */
export function endRule(view: OracleView): Rule {
  const flushes = new FlushWatch();
  let phase: 'at work' | 'handing over' | 'over' = 'at work';
  let promised: Uint8Array | undefined;

  function handOver(): void {
    phase = 'handing over';
    const invariant = 'I8 the end is under a drain';
    demandMet(view, invariant, flushes);
    if (!flushes.isDurable) {
      view.report({ invariant, expected: 'a flush of the target at the end', found: 'none' });
    }
    const busy = view.held.find(({ call }) => call.origin === 'guest' && call.operation !== 'read');
    if (busy) view.report({ invariant, expected: 'no write in flight', found: busy.label });
    promised = view.target.bytes.slice();
    demandSize();
    demandKnown();
  }

  function demandSize(): void {
    const [expected, found] = [view.source.size(), view.target.size()];
    if (expected === found) return;
    const invariant = 'I9 completed is equal';
    view.report({ invariant, expected: `${expected} bytes`, found: `a target of ${found} bytes` });
  }

  /** Compares the target with the guest's memory, never with the source. */
  function demandKnown(): void {
    const { scenario, guest, target } = view;
    if (scenario.mirror.sync === 'none') return;
    for (let sector = 0; sector < scenario.sectors; sector += 1) {
      const allowed = allowedStamps({ scenario, records: guest.records }, sector, NOW);
      const stamp = stampAt(target.bytes, sector * SECTOR_SIZE);
      if (!allowed || allowed.has(stamp)) continue;
      view.report({
        invariant: 'I9 completed is equal',
        expected: `${[...allowed].map(describeStamp).join(' or ')} on the target`,
        found: `${describeStamp(stamp)} in sector ${sector}`,
        sector,
      });
    }
  }

  return {
    answered: (passage) => flushes.answered(passage),
    arrived({ call, label }) {
      if (phase !== 'handing over' || call.origin !== 'guest') return;
      // After a cancel the guest goes on with the source, and may do so at once.
      if (!view.accepted.includes('complete') || view.accepted.includes('cancel')) return;
      if (call.disk === 'target' || call.operation === 'read') return;
      if (view.mirror?.status === 'aborting' || view.mirror?.status === 'null') return;
      view.report({
        invariant: 'I8 the end is under a drain',
        expected: 'no write to the source while the guest is handed over',
        found: label,
      });
    },
    heard({ name, status, error }) {
      if (status === 'pending' && phase === 'at work') handOver();
      if (status === 'aborting') phase = 'over';
      if (name === 'BLOCK_JOB_COMPLETED' && error === undefined) {
        if (phase === 'at work') handOver();
        phase = 'over';
        const isSame = promised && Buffer.compare(promised, view.target.bytes) === 0;
        if (isSame || view.guestDisk === 'target') return;
        view.report({
          invariant: 'I9 completed is equal',
          expected: 'the target as it was when the work was done',
          found: 'another content',
        });
      }
    },
  };
}

/** After a complete the guest is on the target, after anything else on the source. */
export function placeRule(view: OracleView): Rule {
  let isSettled = false;
  let isCompleted = false;
  const report = (expected: string, found: string) =>
    view.report({ invariant: 'the guest is where it should be', expected, found });
  const mayBeOnTarget = () => isSettled && view.accepted.includes('complete');
  return {
    heard({ name, status, error }) {
      isSettled ||= status === 'pending';
      if (name === 'BLOCK_JOB_COMPLETED') isCompleted = error === undefined;
    },
    arrived({ call, label }) {
      if (call.disk !== 'target' || call.origin !== 'guest' || mayBeOnTarget()) return;
      if (isWriteBlocking(view.scenario) && call.operation !== 'read') return;
      report('the guest on the source', label);
    },
    end() {
      const isSwitched = view.guestDisk === 'target';
      const [complete, cancel] = [
        view.accepted.includes('complete'),
        view.accepted.includes('cancel'),
      ];
      // Who said both gets one of them.
      if (complete && cancel && isCompleted) return;
      const expected = isCompleted && complete ? 'target' : 'source';
      if (isSwitched === (expected === 'target')) return;
      report(`the guest on the ${expected} in the end`, `it on the ${view.guestDisk}`);
    },
  };
}
