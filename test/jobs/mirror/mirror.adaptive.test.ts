import { describe, expect, it } from 'vitest';
import { pattern } from '../../support/drivers.ts';
import { Rig } from '../../support/rig.ts';

const KiB = 1024;

describe('an adaptive mirror', () => {
  it('leaves guest writes to the source alone in phase 2 while it keeps up with them', async () => {
    const rig = await Rig.open({ size: 64 * KiB });
    const { job, work } = await rig.start({ granularity: 4 * KiB, copyMode: 'adaptive' });
    await rig.runUntil(() => job.status === 'ready');
    // Always the same part, which is copied as fast as it is written.
    for (let count = 0; count < 250; count += 1) {
      await rig.guest.write(0, pattern(4 * KiB, count));
      await rig.clock.advance(20);
    }
    expect(work.inspect().pair.isActive).toBe(false);
    job.cancel({ force: true });
    await rig.runUntil(() => job.status === 'null');
  });
});
