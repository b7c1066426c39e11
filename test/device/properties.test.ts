import { describe, expect, it } from 'vitest';
import { deviceOptionsOf, VIRTIO_BLK_PROPERTIES } from '../../src/device/properties.ts';
import { struct } from '../../src/wire/qapi/composites.ts';
import { wholeOf } from '../../src/wire/qapi/type.ts';

const type = struct('Properties', VIRTIO_BLK_PROPERTIES);

function optionsOf(given: Readonly<Record<string, string>> = {}) {
  return deviceOptionsOf(type.read(given, wholeOf('keyval')));
}

describe('the properties of virtio-blk', () => {
  it('are those of a plain disk where none are given', () => {
    expect(optionsOf()).toEqual({
      shape: {
        logicalBlockSize: 512,
        physicalBlockSize: undefined,
        minIoSize: undefined,
        optIoSize: 0,
        numQueues: 1,
        without: [],
      },
      accountRules: {},
      queueSize: 256,
      serial: '',
      shareRw: false,
      bootIndex: undefined,
    });
  });

  it('become what the device is made with', () => {
    const given = {
      ...{ logical_block_size: '4k', physical_block_size: '8k', min_io_size: '8k' },
      ...{ 'num-queues': '2', 'queue-size': '64', 'write-cache': 'off', 'share-rw': 'on' },
      ...{ discard: 'off', 'config-wce': 'off', rerror: 'stop', bootindex: '3' },
    };
    expect(optionsOf(given)).toMatchObject({
      shape: {
        ...{ logicalBlockSize: 4096, physicalBlockSize: 8192, minIoSize: 8192, numQueues: 2 },
        without: ['DISCARD', 'CONFIG_WCE'],
      },
      ...{ queueSize: 64, writeCache: false, shareRw: true, rerror: 'stop', bootIndex: 3 },
    });
  });

  it('say what is made of requests that are not done, or leave it to the drive', () => {
    const invalid = optionsOf({ 'account-invalid': 'off', 'account-failed': 'auto' });
    expect(invalid.accountRules).toEqual({ invalid: false });
    const failed = optionsOf({ 'account-invalid': 'on', 'account-failed': 'off' });
    expect(failed.accountRules).toEqual({ invalid: true, failed: false });
  });

  it('cut a serial number off at twenty characters', () => {
    expect(optionsOf({ serial: '123456789012345678901' }).serial).toBe('12345678901234567890');
  });

  // What qemu-system-x86_64 7.2 says.
  it.each([
    ['num-queues', '0', 'num-queues property must be larger than 0'],
    ['queue-size', '3', 'invalid queue-size property (3), must be a power of 2 (max 1024)'],
    ['queue-size', '2048', 'invalid queue-size property (2048), must be a power of 2 (max 1024)'],
    ['queue-size', '1', 'invalid queue-size property (1), must be > 2'],
    [
      'logical_block_size',
      '1000',
      "Property .logical_block_size doesn't take value '1000', it's not a power of 2",
    ],
    [
      'physical_block_size',
      '256',
      "Property .physical_block_size doesn't take value 256 (minimum: 512, maximum: 2097152)",
    ],
    ['logical_block_size', '4k', 'logical_block_size > physical_block_size not supported'],
    ['min_io_size', '1000', 'min_io_size must be a multiple of logical_block_size'],
    ['discard_granularity', '1000', 'discard_granularity must be a multiple of logical_block_size'],
    ['num-queues', 'x', "Parameter 'num-queues' expects integer"],
    ['share-rw', 'x', "Parameter 'share-rw' expects 'on' or 'off'"],
    ['rerror', 'foo', "Parameter 'rerror' does not accept value 'foo'"],
  ])('refuse %s=%s', (name, value, reason) => {
    expect(() => optionsOf({ [name]: value })).toThrow(expect.objectContaining({ reason }));
  });
});
