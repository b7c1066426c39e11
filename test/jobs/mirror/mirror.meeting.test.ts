/** For how long a guest is held when source and target meet. */

import { describe, expect, it } from 'vitest';
import { sleep } from '../../../src/env/env.ts';
import { pattern } from '../../support/drivers.ts';
import { Rig } from '../../support/rig.ts';

const GRANULE = 4 * 1024;
const SIZE = 48 * GRANULE;
/** How long the copy of a granule takes; they are copied one at a time. */
const COPY_MS = 50;

/**
 * A mirror whose guest, whenever it is about to be held, has just written as much as takes so long
 * to copy; and how often that was.
 */
async function chasing(leftMs: number) {
  const rig = await Rig.open({ size: SIZE, zeroesFast: false });
  const write = rig.targetDisk.write.bind(rig.targetDisk);
  rig.targetDisk.write = async (...request) => {
    await sleep(rig.clock, COPY_MS);
    return write(...request);
  };
  const attempts: number[] = [];
  const trace = (name: string) => {
    if (name !== 'mirror_before_drain') return;
    attempts.push(rig.clock.nowMs());
    void rig.guest.write(0, pattern((leftMs / COPY_MS) * GRANULE, attempts.length));
  };
  Object.assign(rig.env, { trace });
  const { job } = await rig.start({ granularity: GRANULE, bufSize: GRANULE });
  return { rig, job, attempts };
}

describe('a guest that has always just written when source and target are to meet', () => {
  it.each([
    [100, 1],
    [150, 2],
    [700, 4],
    [1900, 6],
  ])(
    'is held for the %i ms of its copies at attempt %i, as each may take twice as long',
    async (leftMs, count) => {
      const { rig, job, attempts } = await chasing(leftMs);
      await rig.runUntil(() => job.status === 'ready');
      expect(attempts).toHaveLength(count);
      expect(rig.clock.nowMs() - (attempts.at(-1) ?? 0)).toBeLessThan(leftMs + 2 * COPY_MS);
      expect(rig.targetDisk.bytes).toEqual(rig.sourceDisk.bytes);
      job.cancel({ force: true });
      await rig.runUntil(() => job.status === 'null');
    },
  );

  it('is never held for more than two seconds, though the two then never meet', async () => {
    const { rig, job, attempts } = await chasing(2200);
    await rig.runUntil(() => attempts.length === 10);
    expect(job.status).toBe('running');
    job.cancel({ force: true });
    await rig.runUntil(() => job.status === 'null');
  });
});
