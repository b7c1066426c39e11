import { describe, expect, it } from 'vitest';
import { ThrottleGroup, type ThrottleMember } from '../../src/filters/throttle-group.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { settle, type Watched, watch } from '../support/settle.ts';

const IOPS_10 = { 'iops-total': 10 };

function rig(limits: object, ...names: string[]) {
  const clock = new FakeClock();
  const group = new ThrottleGroup(limits);
  const members = names.map((name) => group.join(name, clock));
  const [first, second, third] = members;
  if (!first) throw new Error('a group has a member');
  const told: string[] = [];
  /** Sends requests of one member and writes down which go, and in which order. */
  const send = (member: ThrottleMember | undefined, label: string, count = 1, direction = 'read') =>
    Array.from({ length: count }, (_, index): Watched => {
      if (!member) throw new Error('there is no such member');
      return watch(async () => {
        await member.admit(direction === 'read' ? 'read' : 'write', 512);
        told.push(`${label}${index}`);
      });
    });
  return { clock, group, first, second, third, told, send };
}

describe('throttle group', () => {
  it('lets a request go synchronously where it need not wait', async () => {
    const { first } = rig({ 'iops-read': 10 }, 'a');
    expect(first.admit('read', 1)).toBeUndefined();
    expect(first.admit('read', 1)).toBeUndefined();
    const third = first.admit('read', 1);
    expect(third).toBeInstanceOf(Promise);
    expect(first.admit('write', 1)).toBeUndefined();
    first.leave();
    await expect(third).rejects.toMatchObject({ code: 'ECANCELED' });
  });

  it('lets nobody overtake what waits, even when there is time for it', async () => {
    const { clock, first, second, told, send } = rig(IOPS_10, 'a', 'b');
    send(first, 'a', 3);
    // The timer of a2 is due and has not been called.
    clock.pass(200);
    send(second, 'b', 1);
    await settle();
    expect(told).toEqual(['a0', 'a1']);
    await clock.advance(0);
    expect(told).toEqual(['a0', 'a1', 'a2', 'b0']);
  });

  it('keeps the requests of a disk in order, at the rate', async () => {
    const { clock, first, told, send } = rig(IOPS_10, 'a');
    send(first, 'a', 6);
    await clock.advance(0);
    expect(told).toEqual(['a0', 'a1']);
    await clock.advance(99);
    expect(told).toHaveLength(2);
    await clock.advance(2);
    expect(told).toEqual(['a0', 'a1', 'a2']);
    await clock.advance(300);
    expect(told).toEqual(['a0', 'a1', 'a2', 'a3', 'a4', 'a5']);
    expect(clock.timers).toBe(0);
  });

  it('gives the disks turns, however much one of them asks for', async () => {
    const { clock, first, second, third, told, send } = rig(IOPS_10, 'a', 'b', 'c');
    send(first, 'a', 22);
    send(second, 'b', 4);
    send(third, 'c', 2);
    await clock.advance(0);
    expect(told.splice(0)).toEqual(['a0', 'a1']);
    await clock.advance(1001);
    expect(told.map((word) => word[0]).join('')).toBe('abcabcabab');
    first.leave();
    second?.leave();
    third?.leave();
    await settle();
  });

  it('shares the rate evenly between disks that always have more', async () => {
    const { clock, first, second, told, send } = rig({ 'iops-total': 100 }, 'a', 'b');
    send(first, 'a', 2000);
    send(second, 'b', 500);
    await clock.advance(0);
    told.length = 0;
    await clock.advance(4000);
    const mine = told.filter((word) => word.startsWith('a')).length;
    expect(Math.abs(mine - told.length / 2)).toBeLessThanOrEqual(1);
    expect(Math.abs(told.length - 400)).toBeLessThanOrEqual(4);
    first.leave();
    second?.leave();
    await settle();
  });

  it('starves neither reads nor writes under a total, and keeps to the rate', async () => {
    const { clock, first, told, send } = rig({ 'iops-total': 100 }, 'a');
    send(first, 'r', 800, 'read');
    send(first, 'w', 800, 'write');
    await clock.advance(0);
    told.length = 0;
    await clock.advance(5000);
    const reads = told.filter((word) => word.startsWith('r')).length;
    expect(Math.abs(told.length - 500)).toBeLessThanOrEqual(5);
    expect(Math.abs(reads - 250)).toBeLessThanOrEqual(5);
    first.leave();
    await settle();
  });

  it('goes by new limits at once, also with what waits already', async () => {
    const { clock, group, first, told, send } = rig({ 'iops-total': 1 }, 'a');
    send(first, 'a', 30);
    await clock.advance(0);
    const before = told.length;
    group.setLimits({ 'iops-total': 10 });
    await clock.advance(1001);
    expect(told.length - before).toBeGreaterThanOrEqual(10);
    expect(told.length - before).toBeLessThanOrEqual(13);
    group.setLimits({ 'iops-total': 0 });
    await settle();
    expect(told).toHaveLength(30);
    expect(clock.timers).toBe(0);
  });

  it('keeps the limits it had when new ones do not go with them', () => {
    const { group } = rig({ 'bps-total': 1000 }, 'a');
    expect(() => group.setLimits({ 'bps-read': 5 })).toThrow(/cannot be used at the same time/);
    expect(group.limits).toEqual({ 'bps-total': 1000 });
    group.setLimits({ 'bps-total': undefined, 'iops-read': 0 });
    expect(group.limits).toEqual({ 'bps-total': 1000, 'iops-read': 0 });
    group.setLimits({ 'bps-total': 0, 'bps-read': 5 });
    expect(group.limits).toEqual({ 'bps-total': 0, 'bps-read': 5, 'iops-read': 0 });
  });

  it('fails what waits with ECANCELED, and lets the others have their turns', async () => {
    const { clock, first, second, told, send } = rig(IOPS_10, 'a', 'b');
    const [, , waiting] = send(first, 'a', 4);
    send(second, 'b', 1);
    first.cancel();
    await settle();
    expect(waiting).toMatchObject({ state: 'failed', error: { code: 'ECANCELED' } });
    await clock.advance(101);
    expect(told).toEqual(['a0', 'a1', 'b0']);
    expect(clock.timers).toBe(0);
    const last = watch(() => first.admit('read', 1));
    expect(clock.timers).toBe(1);
    first.leave();
    expect(clock.timers).toBe(0);
    await settle();
    expect(last).toMatchObject({ state: 'failed', error: { code: 'ECANCELED' } });
  });

  it('lets a drained disk go at once, and lets what comes after pay for it', async () => {
    const { clock, first, second, told, send } = rig(IOPS_10, 'a', 'b');
    send(first, 'a', 6);
    send(second, 'b', 1);
    first.beginDrain();
    first.beginDrain();
    expect(first.admit('read', 1)).toBeUndefined();
    await settle();
    expect(told).toEqual(['a0', 'a1', 'a2', 'a3', 'a4', 'a5']);
    first.endDrain();
    expect(first.admit('read', 1)).toBeUndefined();
    first.endDrain();
    const late = watch(() => first.admit('read', 1));
    // Seven have gone since a0 and a1, and one more before b0's turn came up.
    await clock.advance(500);
    expect(late.state).toBe('pending');
    await clock.advance(700);
    expect(late.state).toBe('done');
    expect(told).toContain('b0');
  });

  it('refuses a request when too many wait', async () => {
    const { first } = rig({ 'iops-total': 1 }, 'a');
    const waiting: unknown[] = [];
    const fill = () => {
      for (;;) waiting.push(first.admit('read', 1));
    };
    expect(fill).toThrow(/65536 requests wait/);
    expect(waiting.length).toBeGreaterThan(65_536);
    const ended = Promise.allSettled(waiting);
    first.leave();
    await ended;
  });
});
