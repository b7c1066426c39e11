import { describe, expect, it } from 'vitest';
import { pattern } from '../support/drivers.ts';
import { GRANULARITY, MachineRig } from '../support/machine-rig.ts';
import { settle, watch } from '../support/settle.ts';

const KiB = 1024;
const TiB = 1024 ** 4;

describe('a limit of everything', () => {
  it.each([0, 1024 * KiB])(
    'that is raised to %i lets go the guest writes that wait',
    async (speed) => {
      await using rig = new MachineRig();
      await rig.open('source');
      await rig.open('target', { start: 100 });
      const device = rig.plug('source');
      const { job } = await rig.readyMirror({ copyMode: 'write-blocking', limits: 'everything' });
      job.setSpeed(1);
      const write = watch(() => device.request({ type: 'out', sector: 0, data: pattern(4 * KiB) }));
      await rig.pass(1000);
      expect(write.state).toBe('pending');
      job.setSpeed(speed);
      await rig.pass(100);
      expect(write.state).toBe('done');
    },
  );
});

describe('a discard of a whole disk in write-blocking mode', () => {
  it('takes no more memory than any other', async () => {
    await using rig = new MachineRig();
    for (const name of ['source', 'target']) {
      const tree = { driver: 'memory', 'node-name': name, size: 64 * TiB, discard: 'unmap' };
      await rig.machine.graph.open(tree);
    }
    const device = rig.plug('source');
    const options = { copyMode: 'write-blocking', granularity: 64 * KiB } as const;
    const { work } = await rig.readyMirror(options);
    await device.request({ type: 'out', sector: 8, data: pattern(4096) });
    const [edge] = [...rig.node('source').parents].flatMap(({ owner }) => owner ?? []);
    await edge?.discard(0, 64 * TiB);
    expect(work.progress()).toMatchObject({ remaining: 0, activelySynced: true });
  });
});

describe('a drain by others of a job that waits to be finalized', () => {
  it('does not wait for that, as QEMU’s does not', async () => {
    await using rig = new MachineRig();
    await rig.open('source');
    await rig.open('target', { start: 100 });
    const { job } = await rig.readyMirror({ autoFinalize: false, granularity: GRANULARITY });
    job.complete();
    await rig.runUntil(() => job.status === 'pending');
    const { graph } = rig.machine;
    const { drained } = await import('../../src/block/drain.ts');
    const drain = watch(() => drained(graph.find('source'), () => settle()));
    await rig.pass(1000);
    expect(drain.state).toBe('done');
    job.finalize();
    await rig.runUntil(() => job.status === 'null');
  });
});
