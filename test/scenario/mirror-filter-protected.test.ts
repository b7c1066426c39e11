// Goes to test/scenario/mirror-filter-protected.test.ts once the job holds its filter.
import { describe, expect, it } from 'vitest';
import { MachineRig } from '../support/machine-rig.ts';

describe('the filter of a mirror', () => {
  it.each(['close', 'removeFilter'] as const)(
    'cannot be taken away by others, though nobody else stands on it: %s',
    async (verb) => {
      await using rig = new MachineRig();
      await rig.open('source');
      await rig.open('target', { start: 100 });
      const { job } = await rig.readyMirror({ filterNodeName: 'mirror-top' });
      const { graph } = rig.machine;
      await expect(graph[verb](rig.node('mirror-top'))).rejects.toMatchObject({ code: 'EBUSY' });
      job.complete();
      await rig.runUntil(() => job.status === 'null');
      expect(await job.finished).toEqual({ status: 'completed' });
    },
  );
});
