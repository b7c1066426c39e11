import { describe, expect, it } from 'vitest';
import { openCodecFuzz } from './codec-fuzz.ts';
import { runCase } from './subject.ts';

const CASES = 3000;
const TIMEOUT_MS = 60_000;

describe('the NBD codec', () => {
  it(
    `takes ${CASES} sessions, valid ones and others, and reads each in one way only`,
    async () => {
      const subject = await openCodecFuzz();
      for (let seed = 0; seed < CASES; seed += 1) await runCase(subject, seed);
      await subject.close();
      // Cases that all end alike would test little.
      expect(subject.taken).toBeGreaterThan(CASES / 5);
      expect(subject.refused).toBeGreaterThan(CASES / 5);
    },
    TIMEOUT_MS,
  );
});
