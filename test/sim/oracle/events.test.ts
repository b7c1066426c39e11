import { describe, expect, it } from 'vitest';
import { eventRule } from '../../../src/sim/oracle/events.ts';
import { FakeView } from './fake-view.ts';

const STATUS = 'JOB_STATUS_CHANGE';

/** Lets the rule hear statuses and events, and the end of the world. */
function hear(...words: readonly string[]): readonly string[] {
  const view = new FakeView();
  const rule = view.rule(eventRule);
  for (const word of words) {
    const [name = '', error] = word.split(':');
    const isEvent = name.startsWith('BLOCK');
    rule.heard?.(isEvent ? { name, ...(error && { error }) } : { name: STATUS, status: name });
  }
  rule.end?.();
  return view.broken;
}

const TO_READY = ['created', 'running', 'ready', 'BLOCK_JOB_READY'];
const TO_END = ['waiting', 'pending', 'BLOCK_JOB_COMPLETED', 'concluded', 'null'];

describe('the events of a job', () => {
  it.each([
    [[...TO_READY, ...TO_END]],
    [['created', 'running', 'paused', 'running', 'ready', 'standby', 'ready', ...TO_END]],
    [['created', 'running', 'aborting', 'BLOCK_JOB_CANCELLED', 'concluded', 'null']],
    [
      [
        'created',
        'running',
        'BLOCK_JOB_ERROR',
        'aborting',
        'BLOCK_JOB_COMPLETED:EIO',
        'concluded',
        'null',
      ],
    ],
    [['created', 'null']],
  ])('may be %j', (words) => {
    expect(hear(...words)).toEqual([]);
  });

  it.each([
    ['a status that is skipped', ['created', 'ready'], 'events in order'],
    ['READY before its status', ['created', 'running', 'BLOCK_JOB_READY'], 'events in order'],
    ['READY twice', [...TO_READY, 'BLOCK_JOB_READY', ...TO_END], 'I7 ready is true'],
    ['no ending', [...TO_READY, 'waiting', 'pending', 'concluded', 'null'], 'I10 one ending'],
    [
      'two endings',
      [...TO_READY, 'waiting', 'pending', 'BLOCK_JOB_COMPLETED', ...TO_END.slice(2)],
      'I10 one ending',
    ],
    ['CANCELLED without aborting', [...TO_READY, 'BLOCK_JOB_CANCELLED'], 'events in order'],
    [
      'an error while all is well',
      [...TO_READY, 'waiting', 'pending', 'BLOCK_JOB_COMPLETED:EIO', 'concluded', 'null'],
      'I10 one ending',
    ],
    [
      'a failure without an error',
      ['created', 'running', 'aborting', 'BLOCK_JOB_COMPLETED', 'concluded', 'null'],
      'I10 one ending',
    ],
    ['an event after the end', [...TO_READY, ...TO_END, 'BLOCK_JOB_ERROR'], 'events in order'],
    ['a job that is never gone', ['created', 'running'], 'I10 one ending'],
  ])('may not have %s', (_, words, invariant) => {
    expect(hear(...words)).toContain(invariant);
  });
});
