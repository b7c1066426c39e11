import { describe, expect, it } from 'vitest';
import { BlockEdge } from '../../src/block/edge.ts';
import { VirtioBlockDevice } from '../../src/device/virtio-blk.ts';
import { type GuestOptions, planGuest } from '../../src/workload/guest-options.ts';
import { nodeOf, TestDisk } from '../support/drivers.ts';
import { FakeClock } from '../support/fake-clock.ts';

const size = 1024 * 1024;

function deviceOf({ readOnly = false } = {}): VirtioBlockDevice {
  const edge = new BlockEdge(nodeOf(new TestDisk({ size })), { name: 'vda' });
  return new VirtioBlockDevice(edge, new FakeClock(), { name: 'vda', queueSize: 64, readOnly });
}

const plan = (options: GuestOptions) => planGuest(deviceOf(), options);

describe('planGuest()', () => {
  it('takes the whole disk and no limit when it is told nothing', () => {
    expect(plan({})).toEqual({
      pattern: 'random',
      blockSize: 4096,
      area: { offset: 0, length: size },
      readShare: 0,
      requestsPerSecond: 0,
      queueDepth: 32,
      seed: 1,
      durationMs: Number.POSITIVE_INFINITY,
      requestsMax: Number.POSITIVE_INFINITY,
    });
  });

  it('takes whole blocks of the area', () => {
    const area = { offset: 512, length: 10_240 };
    expect(plan({ area }).area).toEqual({ offset: 512, length: 8192 });
  });

  it('has no more requests in flight than there are blocks', () => {
    expect(plan({ area: { offset: 0, length: 3 * 4096 } }).queueDepth).toBe(3);
  });

  it('stops at whichever of bytes and requests is less', () => {
    expect(plan({ bytes: 4097 }).requestsMax).toBe(2);
    expect(plan({ bytes: 1_000_000, requests: 5 }).requestsMax).toBe(5);
    expect(plan({ seconds: 1.5 }).durationMs).toBe(1500);
  });

  it('refuses what cannot be', () => {
    const wrong: Record<string, GuestOptions> = {
      'block size': { blockSize: 1000 },
      'no block size': { blockSize: 0 },
      'too long a block': { blockSize: 32 * 1024 * 1024 },
      'the pattern': { pattern: 'spiral' as 'zipf' },
      'the share of reads': { readShare: 1.1 },
      'the rate': { requestsPerSecond: -1 },
      'no rate': { requestsPerSecond: Number.NaN },
      'the queue depth': { queueDepth: 0 },
      'more than the queue': { queueDepth: 65 },
      'a limit': { seconds: -1 },
      'an area off the disk': { area: { offset: 4096, length: size } },
      'an area off the sectors': { area: { offset: 100, length: 8192 } },
      'an area too small': { area: { offset: 0, length: 2048 } },
      'the seed': { seed: -1 },
    };
    for (const [what, options] of Object.entries(wrong)) {
      expect(() => plan(options), what).toThrow(RangeError);
    }
  });

  it('only reads from a read-only disk', () => {
    const device = deviceOf({ readOnly: true });
    expect(() => planGuest(device, { readShare: 0.9 })).toThrow(RangeError);
    expect(planGuest(device, { readShare: 1 }).readShare).toBe(1);
  });
});
