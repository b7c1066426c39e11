import { describe, expect, it } from 'vitest';
import { MachineRig } from '../support/machine-rig.ts';

const KiB = 1024;

describe('a granule that takes longer at the limit than from one pause to the next', () => {
  it('is copied nevertheless', async () => {
    await using rig = new MachineRig();
    await rig.open('source', { size: 128 * KiB });
    await rig.open('target', { size: 128 * KiB, start: 100 });
    // One granule takes a second.
    const { job } = await rig.mirror({ speed: 64 * KiB, granularity: 64 * KiB });
    for (let count = 0; !job.state.ready; count += 1) {
      expect(count).toBeLessThan(100);
      await rig.pass(900);
      job.pause();
      await rig.pass(1);
      job.resume();
    }
  });
});
