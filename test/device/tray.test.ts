import { expect, it } from 'vitest';
import { Tray } from '../../src/device/tray.ts';

it('tells of a tray that moves, and of none that stays', () => {
  const told: boolean[] = [];
  const tray = new Tray((isOpen) => told.push(isOpen));
  tray.close();
  tray.open();
  tray.open();
  expect(tray.isOpen).toBe(true);
  tray.close();
  expect(tray.isOpen).toBe(false);
  expect(told).toEqual([true, false]);
});
