import { describe, expect, it } from 'vitest';
import { PauseTeller } from '../../src/cli/pauses.ts';
import type { JobStatus } from '../../src/jobs/states.ts';

const FULL = 'an error: Cannot write to "copy.img": No space left on device';

function tellers(retryMs = 5000) {
  const pauses = new PauseTeller(retryMs);
  return (status: JobStatus, reason: string, nowMs: number) =>
    pauses.tell({ event: 'JOB_STATUS_CHANGE', data: { id: 'mirror1', status }, reason }, nowMs);
}

describe('PauseTeller', () => {
  it('says why the mirror pauses and when it goes on, and that it does', () => {
    const tell = tellers();
    expect(tell('running', 'its work begins', 0)).toBeUndefined();
    expect(tell('paused', FULL, 0)).toBe(
      'PAUSED by an error: Cannot write to "copy.img": No space left on device; ' +
        'trying again in 5.0 s',
    );
    expect(tell('running', 'it goes on', 5000)).toBe('trying again');
    expect(tell('aborting', 'it was cancelled', 6000)).toBeUndefined();
  });

  it('says so in phase 2 as well, and where it is tried again at once', () => {
    const tell = tellers(0);
    expect(tell('standby', FULL, 0)).toMatch(/^PAUSED .*; trying again at once$/);
    expect(tell('ready', 'it goes on', 100)).toBe('trying again');
  });

  it('is silent about pauses that no error has brought about', () => {
    const tell = tellers();
    expect(tell('paused', 'a drain of its disks', 0)).toBeUndefined();
    expect(tell('running', 'it goes on', 1)).toBeUndefined();
  });

  it('tells of one error once a minute, however often it is tried again', () => {
    const tell = tellers(0);
    const told: unknown[] = [];
    for (let nowMs = 0; nowMs < 120_000; nowMs += 100) {
      told.push(tell('paused', FULL, nowMs), tell('running', 'it goes on', nowMs + 50));
    }
    expect(told.filter((sentence) => sentence !== undefined)).toEqual([
      expect.stringMatching(/^PAUSED/),
      'trying again',
      expect.stringMatching(/^PAUSED/),
      'trying again',
    ]);
  });

  it('tells of another error, but of a thousand different ones a second once', () => {
    const tell = tellers();
    expect(tell('paused', FULL, 0)).toBeDefined();
    expect(tell('running', 'it goes on', 5000)).toBeDefined();
    expect(tell('paused', 'an error: Cannot read "disk.img"', 5001)).toContain('disk.img');
    expect(tell('running', 'it goes on', 5001)).toBe('trying again');
    for (let nowMs = 5002; nowMs < 6000; nowMs += 1) {
      expect(tell('paused', `an error: number ${nowMs}`, nowMs)).toBeUndefined();
      expect(tell('running', 'it goes on', nowMs)).toBeUndefined();
    }
  });
});
