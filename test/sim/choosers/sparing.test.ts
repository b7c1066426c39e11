import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/base/random.ts';
import { seededChooser } from '../../../src/sim/choosers/seeded.ts';
import { sparingChooser } from '../../../src/sim/choosers/sparing.ts';
import { MOVERS, type Move } from '../../../src/sim/move.ts';
import { chooserContract } from './chooser-contract.ts';

function move(mover: number): Move {
  return { key: '', mover, action: { type: 'timer' } };
}

const FAULTS = [MOVERS.fault, MOVERS.fault, MOVERS.fault].map(move);
const MOVES = [move(MOVERS.guest), ...FAULTS, move(MOVERS.time)];

/** Spares faults. */
function sparing(of: number) {
  const oneIn = new Map([[MOVERS.fault, of]]);
  return sparingChooser(seededChooser(1), { random: seededRandom(2), oneIn });
}

chooserContract('sparing', () => sparing(5));

/** How often each of some moves is chosen. */
function counts(moves: readonly Move[], oneIn: number): readonly number[] {
  const chooser = sparing(oneIn);
  const chosen = moves.map(() => 0);
  for (let time = 0; time < 1000; time += 1) {
    const index = chooser.choose(moves.length, moves);
    chosen[index] = (chosen[index] ?? 0) + 1;
  }
  return chosen;
}

describe('a sparing chooser', () => {
  it('chooses as the other one does when faults are to be as frequent as all else', () => {
    for (const count of counts(MOVES, 1)) expect(count).toBeGreaterThan(150);
  });

  it('chooses a fault now and then only', () => {
    const [guest = 0, ...rest] = counts(MOVES, 20);
    const time = rest.pop() ?? 0;
    const faults = rest.reduce((sum, count) => sum + count, 0);
    expect([guest > 400, time > 400]).toEqual([true, true]);
    expect([faults > 10, faults < 60]).toEqual([true, true]);
  });

  it('chooses evenly where there is nothing but faults', () => {
    for (const count of counts(FAULTS, 1000)) expect(count).toBeGreaterThan(250);
  });

  it('takes what there is beside faults', () => {
    const moves = [...FAULTS, move(MOVERS.guest)];
    expect(counts(moves, Infinity)).toEqual([0, 0, 0, 1000]);
  });
});
