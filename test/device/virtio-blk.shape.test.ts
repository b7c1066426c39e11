import { describe, expect, it } from 'vitest';
import { DeviceAccounts } from '../../src/device/accounting.ts';
import { STATUS } from '../../src/device/request.ts';
import { deviceRig, read, submitting } from '../support/device-rig.ts';

describe('a device of another shape', () => {
  it('tells it in its configuration, in logical blocks', () => {
    const { device } = deviceRig({
      shape: {
        ...{ logicalBlockSize: 4096, physicalBlockSize: 8192, optIoSize: 65_536, numQueues: 4 },
        without: ['DISCARD'],
      },
    });
    expect(device.config).toMatchObject({
      blkSize: 4096,
      numQueues: 4,
      topology: { physicalBlockExp: 1, minIoSize: 2, optIoSize: 16 },
    });
    expect(device.features.has('DISCARD')).toBe(false);
    expect(device.features.has('WRITE_ZEROES')).toBe(true);
  });

  it('takes whole logical blocks only', () => {
    const { device } = deviceRig({ shape: { logicalBlockSize: 4096 } });
    const { statuses } = submitting(device, read(0, 512), read(1, 4096), read(8, 4096));
    expect(statuses).toEqual([STATUS.IOERR, STATUS.IOERR, STATUS.OK]);
    expect(device.statistics().operations.in.invalid).toBe(2);
  });

  it('counts in accounts that it is given, and says when the disk was last in use', () => {
    const accounts = new DeviceAccounts(0);
    const { device, clock } = deviceRig({ accounts });
    expect(accounts.lastUseMs).toBeUndefined();
    submitting(device, read());
    expect(accounts.operations.in.requests).toBe(1);
    expect(accounts.lastUseMs).toBe(clock.nowMs());
  });
});
