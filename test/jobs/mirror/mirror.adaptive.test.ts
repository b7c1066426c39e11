import { describe, expect, it } from 'vitest';
import { sleep } from '../../../src/env/env.ts';
import { pattern } from '../../support/drivers.ts';
import { Rig } from '../../support/rig.ts';
import { watch } from '../../support/settle.ts';

const KiB = 1024;

/** Sixteen copies at most, and as few as the guest's writes leave room for. */
const RATIONED = {
  granularity: 512,
  bufSize: 16 * 512,
  copyMode: 'write-blocking',
  latencyBudgetMs: 5,
} as const;

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

describe('a mirror whose guest is slower than its budget', () => {
  it('makes fewer copies at a time, down to one', async () => {
    const rig = await Rig.open({ size: 512 * KiB, zeroesFast: false });
    let inFlight = 0;
    const write = rig.targetDisk.write.bind(rig.targetDisk);
    rig.targetDisk.write = async (...request) => {
      inFlight += 1;
      await sleep(rig.clock, 50);
      await write(...request);
      inFlight -= 1;
    };
    const { job } = await rig.start(RATIONED);
    await rig.clock.advance(10);
    expect(inFlight).toBe(16);
    for (let count = 0; count < 10; count += 1) {
      const request = watch(() => rig.guest.write(0, pattern(512, count)));
      await rig.clock.advance(150);
      expect(request.state).toBe('done');
    }
    expect(inFlight).toBe(1);
    job.cancel({ force: true });
    await rig.runUntil(() => job.status === 'null');
  });
});

describe('a mirror that is changed to background', () => {
  it('makes as many copies at a time as before they were rationed for the guest', async () => {
    const rig = await Rig.open({ size: 64 * KiB });
    const { gate } = rig.targetDisk;
    const { job, work } = await rig.start(RATIONED);
    await rig.runUntil(() => job.status === 'ready');
    gate.mode = 'held';
    for (let count = 0; count < 10; count += 1) {
      const write = watch(() => rig.guest.write(0, pattern(512, count)));
      await rig.clock.advance(250);
      await rig.runUntil(() => {
        rig.completeHeld(rig.targetDisk);
        return write.state === 'done';
      });
    }
    job.change(() => work.setCopyMode('background'));
    for (let at = 0; at < 64 * KiB; at += 1024) await rig.guest.write(at, pattern(512, 3));
    await rig.runUntil(() => gate.held.length > 1);
    await rig.clock.advance(1000);
    expect(gate.held).toHaveLength(16);
    gate.mode = 'sync';
    rig.completeHeld(rig.targetDisk);
    job.cancel({ force: true });
    await rig.runUntil(() => job.status === 'null');
  });
});
