import { expect, it } from 'vitest';
import { DRAW_MS, timely } from '../../src/cli/timely.ts';
import { FakeClock } from '../support/fake-clock.ts';

it('timely() passes on the first call, and then one each time that it is time again', () => {
  const clock = new FakeClock();
  const passed: number[] = [];
  const call = timely(clock, (value: number) => passed.push(value));
  for (let value = 0; value < 100; value += 1) {
    call(value);
    clock.pass(DRAW_MS / 10);
  }
  expect(passed).toEqual([0, 10, 20, 30, 40, 50, 60, 70, 80, 90]);
});
