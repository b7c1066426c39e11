import { describe, expect, it } from 'vitest';
import { configurationOf, FEATURE, featuresOf } from '../../src/device/configuration.ts';
import { nodeOf, TestDisk, type TestDiskOptions } from '../support/drivers.ts';

const device = { queueSize: 256, writeback: true };

function configOf(disk: TestDiskOptions, options: Parameters<typeof nodeOf>[1] = {}) {
  return configurationOf(nodeOf(new TestDisk(disk), options), device);
}

describe('featuresOf()', () => {
  it('offers the features with these numbers, and 5 when it is read-only', () => {
    const bits = (readOnly: boolean) =>
      [...featuresOf({ readOnly })].map((feature) => FEATURE[feature]).sort((a, b) => a - b);
    expect(bits(false)).toEqual([2, 6, 9, 10, 11, 13, 14]);
    expect(bits(true)).toEqual([2, 5, 6, 9, 10, 11, 13, 14]);
  });
});

describe('configurationOf()', () => {
  it('counts the capacity in whole sectors of 512 bytes', () => {
    expect(configOf({ size: 1024 * 1024 }).capacity).toBe(2048);
    expect(configOf({ size: 1023 }).capacity).toBe(1);
    expect(configOf({ size: 511 }).capacity).toBe(0);
  });

  it('shows the alignment of the disk as its physical block', () => {
    const { blkSize, topology } = configOf({ size: 65_536, alignment: 4096 });
    expect(blkSize).toBe(512);
    expect(topology).toEqual({
      physicalBlockExp: 3,
      alignmentOffset: 0,
      minIoSize: 8,
      optIoSize: 0,
    });
    expect(configOf({ size: 65_536, alignment: 1 }).topology.physicalBlockExp).toBe(0);
  });

  it('shows the discard alignment in sectors', () => {
    expect(configOf({ size: 65_536, discardAlignment: 65_536 }).discardSectorAlignment).toBe(128);
    expect(configOf({ size: 65_536, discardAlignment: 1 }).discardSectorAlignment).toBe(1);
  });

  it('says that zeroes may unmap only where the node lets them', () => {
    expect(configOf({ size: 512 }, { unmap: true }).writeZeroesMayUnmap).toBe(true);
    expect(configOf({ size: 512 }, { unmap: false }).writeZeroesMayUnmap).toBe(false);
  });

  it('leaves room in the queue for the header and the status of a request', () => {
    const node = nodeOf(new TestDisk({ size: 512 }));
    const segMax = (queueSize: number) => configurationOf(node, { ...device, queueSize }).segMax;
    expect(segMax(256)).toBe(254);
    expect(segMax(1)).toBe(1);
  });
});
