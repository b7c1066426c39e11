import { expect, it } from 'vitest';
import { seededChooser } from '../../../src/sim/choosers/seeded.ts';
import { answers, chooserContract } from './chooser-contract.ts';

chooserContract('seeded', () => seededChooser(7));

it('chooses otherwise for another seed, and everything now and then', () => {
  const questions = Array.from({ length: 200 }, () => 5);
  const [one, other] = [answers(seededChooser(1), questions), answers(seededChooser(2), questions)];
  expect(one).not.toEqual(other);
  expect(new Set(one)).toEqual(new Set([0, 1, 2, 3, 4]));
});
