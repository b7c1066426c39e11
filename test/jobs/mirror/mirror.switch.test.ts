/** The moment in which a guest goes over to the target. */

import { describe, expect, it } from 'vitest';
import { BlockEdge } from '../../../src/block/edge.ts';
import { pattern } from '../../support/drivers.ts';
import { Rig } from '../../support/rig.ts';
import { watch } from '../../support/settle.ts';

const SIZE = 4096;

/** A mirror that is about to switch, and waits for somebody else who reads from the target. */
async function aboutToSwitch() {
  const rig = await Rig.open({ size: SIZE });
  rig.sourceDisk.bytes = pattern(SIZE);
  const reader = new BlockEdge(rig.target, { name: 'reader' });
  const writer = new BlockEdge(rig.source, { name: 'writer', needs: ['write'] });
  const { job, work } = await rig.start();
  await rig.runUntil(() => job.status === 'ready');
  rig.targetDisk.gate.mode = 'held';
  const read = watch(() => reader.read(0, new Uint8Array(SIZE)));
  job.complete();
  await rig.runUntil(() => {
    rig.completeHeld(rig.targetDisk, 'read');
    return job.status === 'pending' && ![...rig.target.parents].some((edge) => edge.parent.stays);
  });
  expect(read.state).toBe('pending');
  return { rig, job, work, writer };
}

describe('a switch', () => {
  it('has happened when the job is told to be COMPLETED, and not before', async () => {
    const { rig, job, work, writer } = await aboutToSwitch();
    await rig.clock.advance(1000);
    expect([job.status, work.switched]).toEqual(['pending', false]);
    rig.targetDisk.gate.next('read').complete();
    expect(await job.finished).toEqual({ status: 'completed' });
    expect([work.switched, writer.node]).toEqual([true, rig.target]);
  });

  it('that somebody on the target forbids at the last moment has not happened', async () => {
    const { rig, job, work, writer } = await aboutToSwitch();
    const keeper = new BlockEdge(rig.target, { name: 'keeper', shares: ['consistent-read'] });
    rig.targetDisk.gate.next('read').complete();
    expect(await job.finished).toMatchObject({ status: 'failed', error: { code: 'EBUSY' } });
    expect([work.switched, writer.node, rig.guest.node]).toEqual([false, rig.source, rig.source]);
    expect([...rig.target.parents]).toContain(keeper);
  });
});
