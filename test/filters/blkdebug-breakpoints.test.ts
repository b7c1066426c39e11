import { describe, expect, it } from 'vitest';
import { BREAKPOINTS_MAX, Breakpoints } from '../../src/filters/blkdebug-breakpoints.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { begin } from '../support/fault-rig.ts';
import { settle } from '../support/settle.ts';

const open = () => new Breakpoints(new FakeClock());
const request = () => 'read 512 bytes at 0 of "disk"';

describe('breakpoints', () => {
  it('suspend the next request that comes to their event, and only that', async () => {
    const breakpoints = open();
    breakpoints.add('read_aio', 'A');
    expect(breakpoints.reach('write_aio', request)).toBeUndefined();
    const first = begin(() => breakpoints.reach('read_aio', request));
    expect(breakpoints.reach('read_aio', request)).toBeUndefined();
    await settle();
    expect([first.state, breakpoints.isSuspended('A')]).toEqual(['pending', true]);
    breakpoints.resume('A');
    await settle();
    expect([first.state, breakpoints.isSuspended('A')]).toEqual(['done', false]);
  });

  it('tell when a request has come to them', async () => {
    const breakpoints = open();
    let count = 0;
    breakpoints.add('read_aio', 'A', () => {
      count += 1;
    });
    const waiting = begin(() => breakpoints.whenSuspended('A'));
    await settle();
    expect([waiting.state, count]).toEqual(['pending', 0]);
    begin(() => breakpoints.reach('read_aio', request));
    await settle();
    expect([waiting.state, count]).toEqual(['done', 1]);
  });

  it('let one request go at a time, the last to have come first', async () => {
    const breakpoints = open();
    const begun = [];
    for (let count = 0; count < 2; count += 1) {
      breakpoints.add('pwritev', 'A');
      begun.push(begin(() => breakpoints.reach('pwritev', request)));
    }
    breakpoints.resume('A');
    await settle();
    expect(begun.map(({ state }) => state)).toEqual(['pending', 'done']);
    expect(breakpoints.isSuspended('A')).toBe(true);
    breakpoints.resume('A');
    await settle();
    expect(begun.map(({ state }) => state)).toEqual(['done', 'done']);
    expect(() => breakpoints.resume('A')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  });

  it('hold one request under every tag that its event has', async () => {
    const breakpoints = open();
    breakpoints.add('pwritev', 'A');
    breakpoints.add('pwritev', 'B');
    const begun = begin(() => breakpoints.reach('pwritev', request));
    breakpoints.resume('B');
    await settle();
    expect([begun.state, breakpoints.isSuspended('A')]).toEqual(['pending', true]);
    breakpoints.resume('A');
    await settle();
    expect(begun.state).toBe('done');
  });

  it('go with all that waits under their tag when they are removed', async () => {
    const breakpoints = open();
    breakpoints.add('read_aio', 'A');
    const begun = begin(() => breakpoints.reach('read_aio', request));
    breakpoints.add('read_aio', 'A');
    breakpoints.add('read_aio', 'B');
    breakpoints.remove('A');
    await settle();
    expect(begun.state).toBe('done');
    expect(breakpoints.isEmpty).toBe(false);
    breakpoints.remove('B');
    expect(breakpoints.isEmpty).toBe(true);
    expect(breakpoints.reach('read_aio', request)).toBeUndefined();
    expect(() => breakpoints.remove('A')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  });

  it('are for events that requests come to', () => {
    for (const event of ['none', 'l2_update', '']) {
      expect(() => open().add(event, 'A')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    }
  });

  it('are bounded in number', () => {
    const breakpoints = open();
    for (let count = 0; count < BREAKPOINTS_MAX; count += 1) breakpoints.add('read_aio', 'A');
    const one = () => breakpoints.add('read_aio', 'A');
    expect(one).toThrow(expect.objectContaining({ code: 'EBUSY' }));
  });

  it('are over for what was suspended when that is cancelled, but not for others', async () => {
    const breakpoints = open();
    breakpoints.add('read_aio', 'A');
    breakpoints.add('read_aio', 'B');
    breakpoints.add('read_done', 'A');
    const begun = begin(() => breakpoints.reach('read_aio', request));
    breakpoints.cancelAll();
    await settle();
    expect([begun.state, breakpoints.isEmpty]).toEqual(['ECANCELED', false]);
  });
});
