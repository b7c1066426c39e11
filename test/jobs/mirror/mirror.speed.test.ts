import { describe, expect, it } from 'vitest';
import { pattern } from '../../support/drivers.ts';
import { Rig } from '../../support/rig.ts';
import { settle, watch } from '../../support/settle.ts';

const KiB = 1024;

describe('a speed that is refused', () => {
  it('changes nothing: what is copied goes on as fast as before', async () => {
    const rig = await Rig.open({ size: 64 * KiB });
    rig.sourceDisk.bytes = pattern(64 * KiB);
    const { job } = await rig.start({ granularity: 4 * KiB, speed: 16 * KiB });
    const startMs = rig.clock.nowMs();
    await rig.clock.advance(1000);
    expect(() => job.setSpeed(-1)).toThrow("Parameter 'speed' expects a non-negative value");
    await rig.runUntil(() => job.status === 'ready');
    const seconds = (rig.clock.nowMs() - startMs) / 1000;
    expect(seconds).toBeGreaterThan(3.5);
    expect(seconds).toBeLessThan(5.5);
    expect(job.speed).toBe(16 * KiB);
    job.cancel({ force: true });
    await rig.runUntil(() => job.status === 'null');
  });
});

describe('a speed that is changed while a guest write waits for it', () => {
  /** A guest write that has to wait for a second. */
  async function waiting() {
    const rig = await Rig.open({ size: 16 * KiB });
    const limits = { copyMode: 'write-blocking', limits: 'everything', speed: 4 * KiB } as const;
    const { job } = await rig.start({ granularity: 4 * KiB, ...limits });
    await rig.runUntil(() => job.status === 'ready');
    await rig.clock.advance(1000);
    const write = watch(() => rig.guest.write(0, pattern(4 * KiB)));
    await settle();
    return { rig, job, write };
  }

  it('shortens what is left of the wait, each time by the factor since the last', async () => {
    const { rig, job, write } = await waiting();
    for (const speed of [8 * KiB, 16 * KiB]) job.setSpeed(speed);
    await rig.clock.advance(200);
    await settle();
    expect(write.state).toBe('pending');
    await rig.runUntil(() => write.state === 'done');
    job.setSpeed(0);
    job.cancel({ force: true });
    await rig.runUntil(() => job.status === 'null');
  });

  it('lengthens it, down to one byte a second', async () => {
    const { rig, job, write } = await waiting();
    job.setSpeed(1);
    await rig.clock.advance(60_000);
    expect(write.state).toBe('pending');
    job.setSpeed(4 * KiB);
    await rig.runUntil(() => write.state === 'done');
    job.cancel({ force: true });
    await rig.runUntil(() => job.status === 'null');
  });
});
