/** What errors may and may not bring about: who fails, who stops, who tries again, and when. */

import type { DiskCall, DiskName, Passage } from '../turnstile.ts';
import {
  backgroundOf,
  isActive,
  isBackground,
  isGivenUp,
  type OracleView,
  PlanWatch,
  type Rule,
} from './rule.ts';

/** Nothing fails if no disk has failed, and what is told to have failed has. */
export function causeRule(view: OracleView): Rule {
  const invariant = 'errors have a cause';
  const failed = new Set<DiskName>();
  let unexplained: string | undefined;
  // A target of another size is a cause by itself.
  const hasCause = () => failed.size > 0 || view.source.size() !== view.target.size();
  return {
    answered({ call, error }) {
      if (error) failed.add(call.disk);
    },
    completed({ index, ok }) {
      if (ok || hasCause()) return;
      view.report({ invariant, expected: `request ${index} to succeed`, found: 'an error' });
    },
    heard({ name, error, operation }) {
      if (name === 'BLOCK_JOB_COMPLETED' && error !== undefined && !hasCause()) {
        unexplained = error;
      }
      const disk = operation === 'read' ? 'source' : 'target';
      if (name !== 'BLOCK_JOB_ERROR' || failed.has(disk)) return;
      const found = `an error told of a ${operation}`;
      view.report({ invariant, expected: `a failure of the ${disk}`, found });
    },
    step() {
      // A defect is told of as such.
      if (unexplained === undefined || view.mirror?.defect !== undefined) return;
      view.report({ invariant, expected: 'a job that succeeds', found: unexplained });
    },
  };
}

/**
 * I13: a job that an error or its user has stopped comes to rest, and asks for nothing until it is
 * told to go on; neither do the guest's writes on its behalf.
 */
export function stopRule(view: OracleView): Rule {
  const invariant = 'I13 paused is at rest';
  /** How many verbs the job had accepted, and requests the guest had made, when an error came. */
  let stopped: { readonly verbs: number; readonly requests: number } | undefined;

  const isStopped = () =>
    stopped !== undefined && !view.accepted.slice(stopped.verbs).includes('resume');
  const isPaused = () => view.accepted.lastIndexOf('pause') > view.accepted.lastIndexOf('resume');
  const mustRest = () => (isStopped() || isPaused()) && !isGivenUp(view);

  /** Whether a request is on behalf of a guest's write that came when the job was stopped. */
  function isNew({ call }: Passage): boolean {
    const end = call.offset + call.length;
    const asked = view.guest.unfinished.filter(({ step }) => {
      const [start, stop] = [step.sector * 512, (step.sector + step.sectors) * 512];
      return step.type !== 'read' && step.type !== 'flush' && start < end && call.offset < stop;
    });
    return asked.length > 0 && asked.every(({ index }) => index >= (stopped?.requests ?? 0));
  }

  return {
    heard({ name, action, status }) {
      if (name === 'BLOCK_JOB_ERROR' && action === 'stop' && !isStopped()) {
        stopped = { verbs: view.accepted.length, requests: view.guest.records.length };
      }
      if (status !== 'waiting' || !mustRest()) return;
      view.report({ invariant, expected: 'no end of a job that is to rest', found: status });
    },
    arrived(passage) {
      // The filter sends what is the guest's, the job what it copies.
      const { disk, operation, origin } = passage.call;
      if (disk !== 'target' || operation !== 'write' || origin !== 'other') return;
      if (view.guestDisk === 'target' || !isStopped() || isGivenUp(view) || !isNew(passage)) return;
      const found = passage.label;
      view.report({ invariant, expected: 'no write for a job that an error has stopped', found });
    },
    step() {
      const { mirror, held, guest } = view;
      if (!mirror || mirror.ending || !mustRest()) return;
      if (mirror.status !== 'running' && mirror.status !== 'ready') return;
      // What is in flight may end first; what the guest has in flight may be what a drain awaits.
      if (backgroundOf(view).length > 0 || guest.unfinished.length > 0) return;
      if (held.some(({ call }) => call.origin !== 'guest')) return;
      const found = `a job that is ${mirror.status}`;
      view.report({ invariant, expected: 'a job that rests until it is resumed', found });
    },
  };
}

/** How long after a failure the next attempt may come: at first, and at most, in milliseconds. */
const DELAY_MS = 10;
const DELAY_MAX_MS = 1000;

/**
 * What has failed is tried again later, and later each time until something succeeds. Nothing cuts
 * that short but what makes a job go on that had stopped.
 */
export function backoffRule(view: OracleView): Rule {
  const plan = new PlanWatch();
  let delayMs = 0;
  let failed: { readonly call: DiskCall; readonly untilMs: number } | undefined;

  /** Whether a request is what has failed, or what leads to it, once more. */
  function isAgain({ operation, offset, length }: DiskCall, { call }: { call: DiskCall }): boolean {
    if (operation === 'flush' || call.operation === 'flush') return operation === call.operation;
    return offset <= call.offset && call.offset < offset + length;
  }

  function forget(): void {
    delayMs = 0;
    failed = undefined;
  }

  return {
    heard(news) {
      plan.heard(news);
      if (news.status !== undefined) forget();
    },
    answered(passage) {
      const { call, error } = passage;
      if (!plan.isMade) return;
      // The answer to a status may be all that a copy of zeroes needs, which then succeeds.
      if (call.operation === 'blockStatus' && call.origin !== 'guest') return forget();
      if (call.origin !== 'job') return;
      const isCopied = call.disk === 'target' && call.operation !== 'flush';
      if (!error && isCopied) forget();
      // What is done for a write of the guest is not for the job to try again.
      if (!error || isActive(view, passage)) return;
      delayMs = Math.min(Math.max(2 * delayMs, DELAY_MS), DELAY_MAX_MS);
      failed = { call, untilMs: view.clock.nowMs() + delayMs };
    },
    arrived(passage) {
      plan.arrived(passage);
      const { disk, operation } = passage.call;
      const begins = disk === 'source' ? operation === 'read' : operation === 'flush';
      if (!failed || !begins || !isAgain(passage.call, failed)) return;
      const nowMs = view.clock.nowMs();
      if (nowMs >= failed.untilMs || !isBackground(view, passage)) return;
      view.report({
        invariant: 'failures are tried again later',
        expected: `no attempt within ${delayMs} ms of a failure`,
        found: `${passage.label} ${failed.untilMs - nowMs} ms too early`,
      });
    },
  };
}
