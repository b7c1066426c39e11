import { describe, expect, it } from 'vitest';
import { CLUSTER, openChain, openTarget, SIZE } from '../support/backing-rig.ts';
import { MachineRig } from '../support/machine-rig.ts';

async function complete(rig: MachineRig, options = {}) {
  const { job } = await rig.readyMirror({ granularity: CLUSTER, ...options });
  job.complete();
  await rig.runUntil(() => job.status === 'null');
  expect(await job.finished).toEqual({ status: 'completed' });
}

describe('a target that nothing can be put behind without harm', () => {
  it('is refused where that is asked for, before anything is done', async () => {
    for (const sync of ['top', 'none'] as const) {
      await using rig = new MachineRig();
      await openChain(rig);
      // A memory disk without a cluster size forgets what was zeroed in it.
      await openTarget(rig);
      await rig.open('flat', { size: SIZE });
      for (const target of ['target', 'flat']) {
        const mirror = rig.mirror({ sync, target, targetBacking: 'source' });
        await expect(mirror).rejects.toMatchObject({
          code: expect.stringMatching(/EINVAL|ENOTSUP/),
        });
      }
      expect(rig.machine.jobs.all).toEqual([]);
    }
  });

  it('is taken for sync full, after which it has none', async () => {
    await using rig = new MachineRig();
    await openChain(rig);
    await rig.open('flat', { size: SIZE });
    await complete(rig, { target: 'flat', targetBacking: 'source' });
  });
});
