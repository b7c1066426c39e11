/**
 * I10 and the grammar of a job's events: an automaton that takes them one by one, written down from
 * QEMU's tables and not from ours.
 */

import type { JobNews } from '../mirror-view.ts';
import type { OracleView, Rule } from './rule.ts';
import type { Invariant } from './violation.ts';

const FOLLOWERS: Readonly<Record<string, readonly string[]>> = {
  nothing: ['created'],
  created: ['running', 'aborting', 'null'],
  running: ['paused', 'ready', 'waiting', 'aborting'],
  paused: ['running'],
  ready: ['standby', 'waiting', 'aborting'],
  standby: ['ready'],
  waiting: ['pending', 'aborting'],
  pending: ['aborting', 'concluded'],
  aborting: ['concluded'],
  concluded: ['null'],
  null: [],
};

/** In which statuses each event may come. */
const PLACES: Readonly<Record<string, readonly string[]>> = {
  BLOCK_JOB_READY: ['ready'],
  BLOCK_JOB_PENDING: ['pending'],
  BLOCK_JOB_COMPLETED: ['pending', 'aborting'],
  BLOCK_JOB_CANCELLED: ['aborting'],
  BLOCK_JOB_ERROR: ['running', 'paused', 'ready', 'standby', 'waiting', 'pending'],
};

const TERMINAL = ['BLOCK_JOB_COMPLETED', 'BLOCK_JOB_CANCELLED'];

export function eventRule(view: OracleView): Rule {
  let status = 'nothing';
  let ready = 0;
  let terminal = 0;
  const report = (invariant: Invariant, expected: string, found: string) =>
    view.report({ invariant, expected, found });

  function become(next: string): void {
    const followers = FOLLOWERS[status] ?? [];
    if (!followers.includes(next)) {
      report('events in order', `${followers.join(' or ') || 'nothing'} after ${status}`, next);
    }
    if (next === 'concluded' && terminal === 0) {
      report('I10 one ending', 'COMPLETED or CANCELLED before concluded', 'neither');
    }
    status = next;
  }

  function take({ name: event, error }: JobNews): void {
    const places = PLACES[event] ?? [];
    if (!places.includes(status)) {
      report('events in order', `${event} while ${places.join(' or ')}`, `it while ${status}`);
    }
    if (TERMINAL.includes(event)) terminal += 1;
    if (event === 'BLOCK_JOB_READY') ready += 1;
    if (terminal > 1) report('I10 one ending', 'one event that ends the job', `another: ${event}`);
    if (ready > 1) report('I7 ready is true', 'BLOCK_JOB_READY once', `it ${ready} times`);
    const isFailed = error !== undefined;
    if (event !== 'BLOCK_JOB_COMPLETED' || isFailed === (status === 'aborting')) return;
    report('I10 one ending', 'an error behind aborting and nowhere else', `it while ${status}`);
  }

  return {
    heard(news) {
      if (news.status === undefined) take(news);
      else become(news.status);
    },
    end() {
      if (status !== 'nothing' && status !== 'null') {
        report('I10 one ending', 'a job that is gone', `one that is ${status}`);
      }
    },
  };
}
