import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { STATUS } from '../../src/device/request.ts';
import { deviceRig, read, submitting } from '../support/device-rig.ts';
import { settle } from '../support/settle.ts';

describe('a device that is reset', () => {
  it('fails what waits in a stopped machine, and stays stopped', async () => {
    const { device, disk } = deviceRig();
    await device.stop();
    const { statuses } = submitting(device, read(), read(1));
    device.reset();
    expect(statuses).toEqual([STATUS.IOERR, STATUS.IOERR]);
    expect(device.stopped).toBe(true);
    expect(disk.operations).toEqual([]);
    expect(device.queueDepth).toBe(0);
  });

  it('does not try again what stopped the machine, and forgets why it stopped', async () => {
    const { device, gate } = deviceRig({ rerror: 'stop', onStop: () => {} });
    gate.mode = 'held';
    const { statuses } = submitting(device, read());
    gate.next().fail(new BlockError('EIO', 'test', 'broken'));
    await settle();
    expect(device.ioStatus).toBe('failed');
    device.reset();
    expect([statuses, device.ioStatus]).toEqual([[STATUS.IOERR], 'ok']);
    device.cont();
    expect(gate.held).toHaveLength(0);
  });

  it('leaves what a guest asks for when it is answered to the time after', async () => {
    const { device } = deviceRig();
    await device.stop();
    let answers = 0;
    const askAgain = () => {
      answers += 1;
      if (answers < 3) device.submit(read(), askAgain);
    };
    device.submit(read(), askAgain);
    device.reset();
    expect([answers, device.queueDepth]).toEqual([1, 1]);
  });

  it('goes on with what is under way in a running machine', async () => {
    const { device, gate } = deviceRig();
    gate.mode = 'held';
    const { statuses } = submitting(device, read());
    device.reset();
    gate.next().complete();
    await settle();
    expect(statuses).toEqual([STATUS.OK]);
  });
});
