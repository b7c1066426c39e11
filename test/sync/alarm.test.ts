import { describe, expect, it } from 'vitest';
import { Alarm, sleepUntil } from '../../src/sync/alarm.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { deferred, settle, watch } from '../support/settle.ts';

describe('Alarm', () => {
  it('ends a sleep when its time is over', async () => {
    const clock = new FakeClock();
    const sleep = watch(() => new Alarm(clock).sleep(50));
    await clock.advance(49);
    expect(sleep.state).toBe('pending');
    await clock.advance(1);
    expect(sleep.state).toBe('done');
  });

  it('ends a sleep early when it rings, and leaves no timer', async () => {
    const clock = new FakeClock();
    const alarm = new Alarm(clock);
    const sleep = watch(() => alarm.sleep(50));
    alarm.ring();
    await settle();
    expect(sleep.state).toBe('done');
    expect(clock.timers).toBe(0);
  });

  it('sleeps until it rings when no time is given', async () => {
    const clock = new FakeClock();
    const alarm = new Alarm(clock);
    const sleep = watch(() => alarm.sleep());
    await clock.advance(1e9);
    expect(sleep.state).toBe('pending');
    alarm.ring();
    await settle();
    expect(sleep.state).toBe('done');
  });

  it('forgets a ring that nobody slept through', async () => {
    const alarm = new Alarm(new FakeClock());
    alarm.ring();
    const sleep = watch(() => alarm.sleep());
    await settle();
    expect(sleep.state).toBe('pending');
    alarm.ring();
  });

  it('is for one sleeper at a time', () => {
    const alarm = new Alarm(new FakeClock());
    void alarm.sleep();
    expect(() => alarm.sleep()).toThrow('an alarm is for one sleeper at a time');
    alarm.ring();
  });
});

describe('sleepUntil()', () => {
  it('ends when the promise is settled, and leaves no timer', async () => {
    const clock = new FakeClock();
    const over = deferred();
    const sleep = watch(() => sleepUntil(clock, 1000, over.promise));
    over.resolve();
    await settle();
    expect(sleep.state).toBe('done');
    expect(clock.timers).toBe(0);
  });

  it('ends when the time is over', async () => {
    const clock = new FakeClock();
    const sleep = watch(() => sleepUntil(clock, 1000, deferred().promise));
    await clock.advance(1000);
    expect(sleep.state).toBe('done');
  });
});
