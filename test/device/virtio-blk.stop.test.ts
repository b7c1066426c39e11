import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { drained } from '../../src/block/drain.ts';
import { BlockEdge } from '../../src/block/edge.ts';
import { DeviceAccounts } from '../../src/device/accounting.ts';
import { STATUS } from '../../src/device/request.ts';
import { askAgain, DISK_SIZE, deviceRig, read, submitting, write } from '../support/device-rig.ts';
import { pattern } from '../support/drivers.ts';
import { settle, watch } from '../support/settle.ts';

const broken = () => new BlockError('EIO', 'test', 'broken');

describe('stop()', () => {
  it('resolves at once when nothing is in flight', async () => {
    const { device } = deviceRig();
    await device.stop();
    expect(device.stopped).toBe(true);
  });

  it('waits for what is in flight, and starts nothing', async () => {
    const { device, gate, disk } = deviceRig();
    gate.mode = 'held';
    const { statuses } = submitting(device, read(0), read(1));
    const stopping = watch(() => device.stop());
    submitting(device, read(2), { type: 'getId', data: new Uint8Array(20) });
    gate.next().complete();
    await settle();
    expect(stopping.state).toBe('pending');
    gate.next().complete();
    await settle();
    expect(stopping.state).toBe('done');
    expect(statuses).toEqual([STATUS.OK, STATUS.OK]);
    expect(disk.calls).toHaveLength(2);
    expect(device.queueDepth).toBe(2);
  });

  it('waits for nothing that others have on the accounts of its drive', async () => {
    const accounts = new DeviceAccounts(0);
    const { device } = deviceRig({ accounts });
    accounts.begin(0);
    await device.stop();
    expect(device.queueDepth).toBe(0);
    await device.close();
    accounts.end(0);
  });

  it('counts as ended what failed and is kept', async () => {
    const { device, gate } = deviceRig({ rerror: 'stop' });
    gate.mode = 'held';
    submitting(device, read(0));
    const stopping = watch(() => device.stop());
    gate.next().fail(broken());
    await settle();
    expect(stopping.state).toBe('done');
    expect(device.ioStatus).toBe('failed');
    device.cont();
    gate.next().complete();
    await settle();
    expect(device.queueDepth).toBe(0);
  });

  it('may be called again: all calls wait for the same', async () => {
    const { device, gate } = deviceRig();
    gate.mode = 'held';
    submitting(device, read());
    const calls = [watch(() => device.stop()), watch(() => device.stop())];
    await settle();
    expect(calls.map(({ state }) => state)).toEqual(['pending', 'pending']);
    gate.next().complete();
    await settle();
    expect(calls.map(({ state }) => state)).toEqual(['done', 'done']);
    device.cont();
    expect(device.stopped).toBe(false);
  });

  it('ends when the machine continues, though something is in flight', async () => {
    const { device, gate } = deviceRig();
    gate.mode = 'held';
    submitting(device, read());
    const stopping = watch(() => device.stop());
    device.cont();
    await settle();
    expect(stopping.state).toBe('done');
    gate.next().complete();
    await settle();
  });

  it('from a callback leaves in the queue what the guest asks there', () => {
    const { device, disk } = deviceRig();
    const statuses: number[] = [];
    device.submit(read(), () => {
      void device.stop();
      submitting(device, read(1));
      device.submit(read(2), (status) => statuses.push(status));
    });
    expect(disk.calls).toHaveLength(1);
    device.cont();
    expect(disk.calls.map(({ offset }) => offset)).toEqual([0, 512, 1024]);
    expect(statuses).toEqual([STATUS.OK]);
  });

  it('holds between two turns of the event loop as well', async () => {
    const { device, disk } = deviceRig();
    const guest = askAgain(device, read(0, DISK_SIZE), 100);
    await device.stop();
    const { answers } = guest;
    for (let count = 0; count < 3; count += 1) await settle();
    expect(guest.answers).toBe(answers);
    device.cont();
    while (guest.answers < 100) await settle();
    expect(disk.calls).toHaveLength(100);
  });

  it('resolves after a drain that holds back what was in flight', async () => {
    const { device, node, disk } = deviceRig();
    let release = () => {};
    const body = () => new Promise<void>((resolve) => (release = resolve));
    const draining = drained(node, body);
    await settle();
    submitting(device, read());
    const stopping = watch(() => device.stop());
    await settle();
    expect(stopping.state).toBe('pending');
    expect(disk.calls).toHaveLength(0);
    release();
    await draining;
    await settle();
    expect(stopping.state).toBe('done');
    expect(disk.calls).toHaveLength(1);
  });
});

describe('cont()', () => {
  it('is harmless in a device that runs', async () => {
    const { device, gate, disk } = deviceRig();
    gate.mode = 'held';
    const { statuses } = submitting(device, read());
    device.cont();
    gate.next().complete();
    await settle();
    expect(statuses).toEqual([STATUS.OK]);
    expect(disk.calls).toHaveLength(1);
  });

  it('carries out in order what has waited, at most the queue', () => {
    const { device } = deviceRig({ queueSize: 4 });
    void device.stop();
    const order: number[] = [];
    const accepted = [0, 1, 2, 3, 4].map((sector) =>
      device.submit(read(sector), () => order.push(sector)),
    );
    expect(accepted).toEqual([true, true, true, true, false]);
    device.cont();
    expect(order).toEqual([0, 1, 2, 3]);
  });

  it('goes on with the others when a callback throws', async () => {
    const { device } = deviceRig();
    void device.stop();
    device.submit(read(), () => {
      throw new Error('the guest is wrong');
    });
    const { statuses } = submitting(device, read());
    expect(() => device.cont()).toThrow('the guest is wrong');
    await settle();
    expect(statuses).toEqual([STATUS.OK]);
  });
});

describe('close() of a stopped device', () => {
  it('fails what waits without asking the disk, in order, and leaves', async () => {
    const { device, disk, node } = deviceRig();
    void device.stop();
    const order: string[] = [];
    for (const sector of [0, 1, 2]) {
      device.submit(read(sector), (status) => order.push(`${sector} ${status}`));
    }
    await device.close();
    expect(order).toEqual([0, 1, 2].map((sector) => `${sector} ${STATUS.IOERR}`));
    expect(disk.calls).toEqual([]);
    expect(node.parents.size).toBe(0);
    expect(device.statistics().operations.in).toMatchObject({ requests: 0, failed: 3 });
    expect(device.queueDepth).toBe(0);
  });

  it('fails what an error has kept, before what came after it', async () => {
    const reasons: string[] = [];
    const { device, disk, gate, node } = deviceRig({
      werror: 'stop',
      onError: ({ code }) => reasons.push(code),
    });
    gate.mode = 'held';
    const order: string[] = [];
    const submit = (sector: number) =>
      device.submit(write(sector, pattern(512)), (status) => order.push(`${sector} ${status}`));
    for (const sector of [0, 1]) submit(sector);
    gate.held[1]?.fail(broken());
    await settle();
    submit(2);
    const closing = watch(() => device.close());
    await settle();
    expect(order).toEqual([`1 ${STATUS.IOERR}`, `2 ${STATUS.IOERR}`]);
    expect(reasons).toEqual(['ESHUTDOWN', 'ESHUTDOWN']);
    expect(closing.state).toBe('pending');
    gate.next().complete();
    await settle();
    expect(closing.state).toBe('done');
    expect(order[2]).toBe(`0 ${STATUS.OK}`);
    expect(disk.calls).toHaveLength(2);
    expect(node.parents.size).toBe(0);
  });

  it('does not go round for ever with a guest that asks again', async () => {
    const { device, disk } = deviceRig();
    void device.stop();
    const guest = askAgain(device, read(), Number.POSITIVE_INFINITY);
    await device.close();
    expect(guest.answers).toBe(1);
    for (let count = 0; count < 5; count += 1) await settle();
    expect(guest.answers).toBeLessThan(10);
    expect(disk.calls).toEqual([]);
  });

  it('is not undone by cont()', async () => {
    const { device, disk, gate } = deviceRig();
    gate.mode = 'held';
    const { statuses } = submitting(device, read(0));
    void device.stop();
    submitting(device, read(1));
    const closing = device.close();
    device.cont();
    gate.next().complete();
    await closing;
    expect(statuses).toEqual([STATUS.OK]);
    expect(disk.calls).toHaveLength(1);
  });

  it('fails what waits when the stop comes after the close', async () => {
    const { device, disk, node } = deviceRig();
    const guest = askAgain(device, read(0, DISK_SIZE), 100);
    const { answers } = guest;
    const closing = device.close();
    await device.stop();
    await closing;
    expect(disk.calls).toHaveLength(answers);
    expect(node.parents.size).toBe(0);
  });
});

describe('unplugging', () => {
  it('does not stop the machine for an error on the way out', async () => {
    const events: string[] = [];
    const { device, gate, node } = deviceRig({
      rerror: 'stop',
      onEvent: (told) => {
        if (told.event === 'BLOCK_IO_ERROR') events.push(told.data.action);
      },
      onStop: () => events.push('stop'),
    });
    gate.mode = 'held';
    const { statuses } = submitting(device, read());
    const closing = device.close();
    gate.next().fail(broken());
    await closing;
    expect(statuses).toEqual([STATUS.IOERR]);
    expect(events).toEqual(['report']);
    expect(node.parents.size).toBe(0);
  });

  it('by who is told of an error fails the request instead of stopping', async () => {
    const stops: string[] = [];
    const { device, gate } = deviceRig({
      rerror: 'stop',
      onEvent: () => void device.close(),
      onStop: (reason) => stops.push(reason),
    });
    gate.mode = 'held';
    const { statuses } = submitting(device, read());
    gate.next().fail(broken());
    await settle();
    expect(statuses).toEqual([STATUS.IOERR]);
    expect(stops).toEqual([]);
    await device.close();
  });

  it('leaves alone what a job has on the node', async () => {
    const { device, node, gate } = deviceRig({ rerror: 'stop' });
    const job = new BlockEdge(node, { name: 'mirror0', kind: 'job', stays: true });
    gate.mode = 'held';
    submitting(device, read());
    gate.next().fail(broken());
    await settle();
    const copying = watch(() => job.read(0, new Uint8Array(512)));
    await device.close();
    expect([...node.parents]).toEqual([job]);
    gate.next().complete();
    await settle();
    expect(copying.state).toBe('done');
  });

  it('knows where QEMU has the device', () => {
    expect(deviceRig({ name: 'vdb' }).device.path).toBe('/machine/peripheral/vdb');
  });
});
