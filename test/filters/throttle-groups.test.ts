import { describe, expect, it } from 'vitest';
import { ThrottleGroups } from '../../src/filters/throttle-groups.ts';
import { FakeClock } from '../support/fake-clock.ts';

describe('throttle groups of a machine', () => {
  it('are found by the name they were made with', () => {
    const groups = new ThrottleGroups();
    const made = groups.create('tg0', { 'iops-total': 5 });
    expect(groups.find('tg0')).toBe(made);
    expect(groups.names).toEqual(['tg0']);
    expect(made.limits).toEqual({ 'iops-total': 5 });
  });

  it('are made once, with limits that go together', () => {
    const groups = new ThrottleGroups();
    groups.create('tg0');
    expect(() => groups.create('tg0')).toThrow(/already exists/);
    expect(() => groups.create('tg1', { 'iops-read-max': 5 })).toThrow(/require corresponding/);
    expect(groups.names).toEqual(['tg0']);
    expect(() => groups.find('tg1')).toThrow("Throttle group 'tg1' does not exist");
  });

  it('are removed only when no disk is in them', () => {
    const groups = new ThrottleGroups();
    const member = groups.create('tg0').join('disk', new FakeClock());
    expect(() => groups.remove('tg0')).toThrow(/is in use, can not be deleted/);
    member.leave();
    groups.remove('tg0');
    expect(groups.names).toEqual([]);
    expect(() => groups.remove('tg0')).toThrow(/does not exist/);
  });

  it('that are made for their members go with the last of them', () => {
    const groups = new ThrottleGroups();
    const clock = new FakeClock();
    const members = [1, 2].map(() => groups.obtain('drive').join('drive', clock));
    members[0]?.leave();
    groups.release('drive');
    expect(groups.names).toEqual(['drive']);
    members[1]?.leave();
    groups.release('drive');
    expect(groups.names).toEqual([]);
  });

  it('that are made by name stay when members have come and gone', () => {
    const groups = new ThrottleGroups();
    const made = groups.create('tg0');
    expect(groups.obtain('tg0')).toBe(made);
    groups.release('tg0');
    expect(groups.names).toEqual(['tg0']);
  });
});
