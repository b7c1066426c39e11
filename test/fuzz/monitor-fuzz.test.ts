import { describe, expect, it } from 'vitest';
import { openMonitorFuzz } from './monitor-fuzz.ts';
import { runCase } from './subject.ts';

const CASES = 400;
const TIMEOUT_MS = 60_000;

describe('the monitor', () => {
  it(
    `takes ${CASES} clients of all kinds, and serves a good one alongside`,
    async () => {
      const subject = openMonitorFuzz();
      for (let seed = 0; seed < CASES; seed += 1) await runCase(subject, seed);
      await subject.close();
      // Cases that all end alike would test little.
      expect(subject.counts.returns).toBeGreaterThan(CASES / 4);
      expect(subject.counts.errors).toBeGreaterThan(CASES);
    },
    TIMEOUT_MS,
  );
});
