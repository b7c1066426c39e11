import { describe, expect, it } from 'vitest';
import { openServerFuzz } from './server-fuzz.ts';
import { runCase } from './subject.ts';

const CASES = 400;
const TIMEOUT_MS = 60_000;
/** Cases beyond those that have found something: one reads a byte less than the whole disk. */
const FOUND = [94_483];

describe('the NBD server', () => {
  it(
    `takes ${CASES} clients of all kinds, and serves a good one alongside`,
    async () => {
      const subject = await openServerFuzz();
      for (let seed = 0; seed < CASES; seed += 1) await runCase(subject, seed);
      for (const seed of FOUND) await runCase(subject, seed);
      await subject.close();
      // Cases that all end alike would test little.
      expect(subject.requests).toBeGreaterThan(CASES / 2);
    },
    TIMEOUT_MS,
  );
});
