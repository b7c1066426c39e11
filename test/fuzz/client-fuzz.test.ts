import { describe, expect, it } from 'vitest';
import { openClientFuzz } from './client-fuzz.ts';
import { runCase } from './subject.ts';

const CASES = 400;
const TIMEOUT_MS = 60_000;

describe('the NBD client', () => {
  it(
    `takes ${CASES} servers of all kinds, and has a disk from a good one alongside`,
    async () => {
      const subject = await openClientFuzz();
      for (let seed = 0; seed < CASES; seed += 1) await runCase(subject, seed);
      await subject.close();
      // Cases that all end alike would test little.
      expect(subject.completed).toBeGreaterThan(CASES / 4);
      expect(subject.failed).toBeGreaterThan(CASES / 4);
    },
    TIMEOUT_MS,
  );
});
