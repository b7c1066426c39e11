/** I11, I12, I13: the job's counters, its appetite, and its rest. */

import { alignDown, alignUp } from '../../base/ranges.ts';
import {
  backgroundOf,
  DEFAULT_GRANULARITY,
  isBackground,
  isGivenUp,
  type OracleView,
  PlanWatch,
  type Rule,
} from './rule.ts';

/** Copies in flight at most. */
const COPIES_MAX = 16;

/** I11: `offset` never goes back nor beyond `len`, and what is between them is what is left. */
export function progressRule(view: OracleView): Rule {
  const plan = new PlanWatch();
  let last = 0;
  let hasFailed = false;
  const report = (expected: string, found: string) =>
    view.report({ invariant: 'I11 progress adds up', expected, found });

  function look({ offset, len }: { readonly offset: number; readonly len: number }): void {
    if (offset < last) report(`offset ${last} or more`, `${offset}`);
    if (offset > len) report(`offset at most len ${len}`, `${offset}`);
    // A copy that ends half way makes all of its last granule dirty again.
    const isDisturbed = hasFailed || view.accepted.length > 0;
    const most = isDisturbed ? Number.POSITIVE_INFINITY : lenMax(view);
    if (len > most) report(`len at most ${most}`, `${len}`);
    last = Math.max(last, offset);
  }

  return {
    arrived: (passage) => plan.arrived(passage),
    answered({ error }) {
      hasFailed ||= error !== undefined;
    },
    heard(news) {
      plan.heard(news);
      const { name, offset, len, error } = news;
      if (offset === undefined || len === undefined) return;
      look({ offset, len });
      if (name === 'BLOCK_JOB_COMPLETED' && error === undefined && offset !== len) {
        report(`offset equal to len ${len} at the end`, `${offset}`);
      }
    },
    step() {
      const { mirror } = view;
      if (!mirror || mirror.ending) return;
      const { offset, len } = mirror.progress;
      look({ offset, len });
      // A cancelled job may leave requests behind that it counts and does not claim any more.
      if (!plan.isMade || isGivenUp(view)) return;
      const inside = mirror.inspect();
      const { dirty } = inside;
      const left = len - offset;
      let most = dirty.dirtyBytes;
      for (let at = 0; at < dirty.size; at += dirty.granularity) {
        const length = Math.min(dirty.granularity, dirty.size - at);
        if (inside.isClaimed({ offset: at, length })) most += length;
      }
      // Writes of the guest count by their bytes, and again where they overlap.
      for (const { step } of view.guest.unfinished) most += step.sectors * 512;
      if (left >= dirty.dirtyBytes && left <= most) return;
      report(`from ${dirty.dirtyBytes} dirty to ${most} with claims left`, `${left}`);
    },
  };
}

/** The disk, and what the guest has changed since: it may be dirty, and on its way by itself. */
function lenMax({ scenario, guest, source }: OracleView): number {
  const unit = scenario.mirror.granularity ?? DEFAULT_GRANULARITY;
  let most = source.size();
  for (const { step } of guest.records) {
    if (step.type === 'read' || step.type === 'flush') continue;
    const start = alignDown(step.sector * 512, unit);
    most += 2 * (alignUp((step.sector + step.sectors) * 512, unit) - start);
  }
  return most;
}

/** I12: no more copies at a time than agreed. */
export function boundRule(view: OracleView): Rule {
  return {
    arrived(passage) {
      if (!isBackground(view, passage) || passage.call.operation === 'flush') return;
      const copies = backgroundOf(view).filter(({ call }) => call.operation !== 'flush').length;
      if (copies <= COPIES_MAX) return;
      view.report({
        invariant: 'I12 few copies in flight',
        expected: `at most ${COPIES_MAX}`,
        found: `${copies}`,
      });
    },
  };
}

/** I13: a job that says it is paused has nothing in flight. */
export function pauseRule(view: OracleView): Rule {
  function look(status: string): void {
    if (status !== 'paused' && status !== 'standby') return;
    const [busy] = backgroundOf(view);
    if (!busy) return;
    view.report({
      invariant: 'I13 paused is at rest',
      expected: `nothing in flight while ${status}`,
      found: busy.label,
    });
  }
  return {
    heard({ status }) {
      if (status !== undefined) look(status);
    },
    step() {
      if (view.mirror) look(view.mirror.status);
    },
  };
}
