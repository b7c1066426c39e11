import { describe, expect, it } from 'vitest';
import { copyAll, dirtyRig, type PairRig } from '../../support/pair-rig.ts';
import { settle } from '../../support/settle.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

/** When how many bytes were sent to the target. */
function watchTarget(rig: PairRig): readonly { readonly atMs: number; readonly length: number }[] {
  const seen: { atMs: number; length: number }[] = [];
  const disk = rig.targetDisk;
  const write = disk.write.bind(disk);
  disk.write = (offset, from, options) => {
    seen.push({ atMs: rig.clock.nowMs(), length: from.length });
    return write(offset, from, options);
  };
  return seen;
}

describe('the speed limit', () => {
  it.each([
    ['64 KiB/s', 64 * KiB],
    ['100 KiB/s', 100 * KiB],
    ['10 MiB/s', 10 * MiB],
  ])('of %s holds within a tenth over any second', async (_, speed) => {
    const rig = dirtyRig({ size: 12 * speed, granularity: 64 * KiB, bufSize: 16 * MiB, speed });
    const seen = watchTarget(rig);
    const startMs = rig.clock.nowMs();
    const copy = copyAll(rig);
    await rig.runUntil(() => rig.clock.nowMs() >= startMs + 10_000, 5);
    expect(copy.state).toBe('pending');
    for (let fromMs = startMs; fromMs <= startMs + 8_900; fromMs += 7) {
      const within = seen.filter(({ atMs }) => atMs >= fromMs && atMs < fromMs + 1000);
      const bytes = within.reduce((sum, { length }) => sum + length, 0);
      expect(bytes / speed, `from ${fromMs - startMs} ms on`).toBeGreaterThan(0.9);
      expect(bytes / speed, `from ${fromMs - startMs} ms on`).toBeLessThan(1.1);
    }
  });

  it('holds for a granule of 64 MiB as well, which is copied in pieces', async () => {
    const rig = dirtyRig({ size: 4 * MiB, granularity: 64 * MiB, speed: MiB });
    const seen = watchTarget(rig);
    const startMs = rig.clock.nowMs();
    const copy = copyAll(rig);
    await rig.runUntil(() => copy.state === 'done');
    expect(rig.clock.nowMs() - startMs).toBeGreaterThan(3600);
    expect(rig.clock.nowMs() - startMs).toBeLessThan(4400);
    expect(Math.max(...seen.map(({ length }) => length))).toBeLessThanOrEqual(MiB / 20);
    expect(Buffer.compare(rig.targetDisk.bytes, rig.sourceDisk.bytes)).toBe(0);
  });

  it('takes effect at once when it is raised while a copy sleeps', async () => {
    for (const [granularity, speed] of [
      [64 * KiB, 1],
      [4 * KiB, 1],
      [64 * KiB, 64 * KiB],
    ] as const) {
      const rig = dirtyRig({ size: MiB, granularity, speed });
      const copy = copyAll(rig);
      await rig.runUntil(() => rig.clock.nowMs() > 2500);
      const atMs = rig.clock.nowMs();
      rig.copier.setSpeed(0);
      rig.control.wake();
      await rig.runUntil(() => copy.state === 'done');
      expect(rig.clock.nowMs() - atMs).toBeLessThan(100);
    }
  });

  it('takes effect at once for a copy between two pieces that a guest has made wait', async () => {
    const rig = dirtyRig({ size: 64 * KiB, granularity: 64 * KiB, speed: 64 * KiB });
    const copy = copyAll(rig);
    await rig.clock.advance(200);
    rig.copier.delayFor(MiB);
    await rig.clock.advance(200);
    expect(rig.pair.copied).toBeLessThan(64 * KiB);
    rig.copier.setSpeed(0);
    await settle();
    expect(copy.state).toBe('done');
  });

  it('takes effect when it is lowered while copies are under way', async () => {
    const rig = dirtyRig({ size: 4 * MiB, granularity: 64 * KiB, speed: MiB });
    const seen = watchTarget(rig);
    const copy = copyAll(rig);
    await rig.runUntil(() => rig.clock.nowMs() > 2000);
    rig.copier.setSpeed(128 * KiB);
    const atMs = rig.clock.nowMs();
    await rig.runUntil(() => rig.clock.nowMs() > atMs + 8000);
    const sent = seen
      .filter((each) => each.atMs >= atMs)
      .reduce((sum, { length }) => sum + length, 0);
    expect(sent).toBeGreaterThan(7 * 128 * KiB);
    expect(sent).toBeLessThan(8.8 * 128 * KiB);
    rig.copier.setSpeed(0);
    rig.control.wake();
    await rig.runUntil(() => copy.state === 'done');
  });

  it('is not used up by zeroes, nor by what is known to be zero', async () => {
    const rig = dirtyRig({ size: 8 * MiB, granularity: 64 * KiB, speed: 4 * MiB });
    rig.sourceDisk.extentAt = (_, length) => ({ length, data: false, zero: true, allocated: true });
    const startMs = rig.clock.nowMs();
    const copy = copyAll(rig);
    await rig.runUntil(() => copy.state === 'done');
    expect(rig.clock.nowMs() - startMs).toBeLessThan(200);
  });

  it('is no limit any more once it is lifted', async () => {
    const rig = dirtyRig({ size: 4 * MiB, granularity: 64 * KiB, speed: 64 * KiB });
    rig.copier.unlimit();
    const startMs = rig.clock.nowMs();
    const copy = copyAll(rig);
    await rig.runUntil(() => copy.state === 'done');
    expect(rig.clock.nowMs() - startMs).toBeLessThan(100);
    expect(rig.copier.delayFor(MiB)).toBe(0);
  });

  it('counts the writes of a guest too, where it holds for them', async () => {
    const rig = dirtyRig({ size: 4 * MiB, granularity: 64 * KiB, speed: MiB });
    expect(rig.copier.delayFor(MiB)).toBeCloseTo(1000, 0);
    const seen = watchTarget(rig);
    const copy = copyAll(rig);
    await rig.runUntil(() => rig.clock.nowMs() >= 1990);
    // The guest has used the first second up.
    expect(seen).toEqual([]);
    rig.copier.setSpeed(0);
    rig.control.wake();
    await rig.runUntil(() => copy.state === 'done');
  });
});
