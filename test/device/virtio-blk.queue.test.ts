import { describe, expect, it } from 'vitest';
import { STATUS } from '../../src/device/request.ts';
import { WAITERS_MAX } from '../../src/device/waiting-line.ts';
import { askAgain, DISK_SIZE, deviceRig, read, submitting } from '../support/device-rig.ts';
import { settle, watch } from '../support/settle.ts';

describe('the queue', () => {
  it('takes as many requests as it is large, and then no more', async () => {
    const { device, gate } = deviceRig({ queueSize: 2 });
    gate.mode = 'held';
    const { accepted, statuses } = submitting(device, read(0), read(1), read(2));
    expect(accepted).toEqual([true, true, false]);
    expect(device.queueDepth).toBe(2);
    gate.next().complete();
    await settle();
    expect(statuses).toEqual([STATUS.OK]);
    expect(submitting(device, read(3), read(4)).accepted).toEqual([true, false]);
  });

  it('completes in the order the disk does', async () => {
    const { device, gate } = deviceRig();
    gate.mode = 'held';
    const order: number[] = [];
    for (const sector of [0, 1, 2]) device.submit(read(sector), () => order.push(sector));
    for (const index of [2, 0, 0]) gate.held[index]?.complete();
    await settle();
    expect(order).toEqual([2, 0, 1]);
  });

  it('completes before the call returns when the disk does', () => {
    const { device } = deviceRig();
    expect(submitting(device, read()).statuses).toEqual([STATUS.OK]);
  });

  it('makes callers wait for a slot, first come first served', async () => {
    const { device, gate } = deviceRig({ queueSize: 1 });
    gate.mode = 'held';
    const order: string[] = [];
    for (const name of ['a', 'b', 'c']) {
      void device.request(read()).then(() => order.push(name));
    }
    expect(gate.held).toHaveLength(1);
    for (let count = 1; count <= 3; count += 1) {
      gate.next().complete();
      await settle();
      expect(order).toEqual(['a', 'b', 'c'].slice(0, count));
    }
    expect(device.queueDepth).toBe(0);
  });

  it('gives a free slot to who waits, not to who asks again at once', async () => {
    const { device, gate } = deviceRig({ queueSize: 1 });
    gate.mode = 'held';
    const again: boolean[] = [];
    device.submit(read(), () => {
      again.push(device.submit(read(7), () => {}));
      void device.request(read(2));
    });
    const waiter = device.request(read(1));
    gate.next().complete();
    await settle();
    expect(again).toEqual([false]);
    expect(gate.next().offset).toBe(512);
    gate.next().complete();
    expect(await waiter).toBe(STATUS.OK);
    expect(gate.next().offset).toBe(1024);
  });

  it('lets only so many wait', async () => {
    const { device, disk, gate } = deviceRig({ queueSize: 1 });
    gate.mode = 'held';
    const waiting = Array.from({ length: WAITERS_MAX + 1 }, () => device.request(read()));
    await expect(device.request(read())).rejects.toThrow(RangeError);
    gate.mode = 'sync';
    gate.next().complete();
    expect(await Promise.all(waiting)).toHaveLength(WAITERS_MAX + 1);
    expect(disk.calls).toHaveLength(WAITERS_MAX + 1);
  });

  it('does not nest the callbacks of a guest that asks again', async () => {
    const { device } = deviceRig();
    const guest = askAgain(device, read(), 20_000);
    while (guest.answers < 20_000) await settle();
    expect(guest.nestingMax).toBe(1);
  });

  it('serves the others after a callback that throws', async () => {
    const { device, gate } = deviceRig();
    gate.mode = 'held';
    const { statuses } = submitting(device, { type: 'flush' });
    gate.mode = 'sync';
    const complete = () => {
      submitting(device, read());
      throw new Error('the guest is wrong');
    };
    expect(() => device.submit(read(), complete)).toThrow('the guest is wrong');
    await settle();
    expect(device.queueDepth).toBe(1);
    gate.next().complete();
    await settle();
    expect(statuses).toEqual([STATUS.OK]);
  });
});

describe('the event loop', () => {
  for (const mode of ['sync', 'async'] as const) {
    it(`turns while a guest asks again and again of a disk that answers ${mode}`, async () => {
      const { device, gate, clock } = deviceRig();
      gate.mode = mode;
      const guest = askAgain(device, read(0, 4096), Number.POSITIVE_INFINITY);
      await settle();
      const answers = guest.answers;
      expect(answers).toBeGreaterThan(100);
      expect(answers).toBeLessThan(10_000);
      await settle();
      await settle();
      expect(guest.answers).toBeGreaterThan(answers);
      expect(clock.turns).toBeGreaterThan(0);
      void device.close();
    });
  }

  it('turns while a guest awaits one answer after the other', async () => {
    const { device } = deviceRig();
    let answers = 0;
    const guest = async () => {
      while (!device.closed) {
        await device.request(read());
        answers += 1;
      }
    };
    const done = guest();
    await settle();
    expect(answers).toBeGreaterThan(100);
    expect(answers).toBeLessThan(10_000);
    await device.close();
    await done;
  });

  it('turns the sooner the longer the requests are', async () => {
    const { device } = deviceRig();
    const guest = askAgain(device, read(0, DISK_SIZE), Number.POSITIVE_INFINITY);
    expect(guest.answers).toBeLessThan(20);
    void device.close();
    await settle();
  });

  it('keeps the order of requests that come while it turns, and turns once for all', async () => {
    const { device, clock } = deviceRig();
    const order: number[] = [];
    let sector = 0;
    while (device.queueDepth === 0) {
      const own = sector;
      device.submit(read(own % 64, 65_536), () => order.push(own));
      sector += 1;
    }
    for (; device.queueDepth < 5; sector += 1) {
      const own = sector;
      device.submit(read(), () => order.push(own));
    }
    const before = order.length;
    await settle();
    await settle();
    expect(clock.turns).toBe(1);
    expect(before).toBeLessThan(sector);
    expect(order).toEqual(Array.from({ length: sector }, (_, index) => index));
  });
});

describe('close()', () => {
  it('waits for what is in flight and then leaves the disk', async () => {
    const { device, gate, node } = deviceRig();
    gate.mode = 'held';
    const { statuses } = submitting(device, read(), read());
    const closing = watch(() => device.close());
    gate.next().complete();
    await settle();
    expect(closing.state).toBe('pending');
    expect(node.parents.size).toBe(1);
    gate.next().complete();
    await settle();
    expect(statuses).toEqual([STATUS.OK, STATUS.OK]);
    expect(closing.state).toBe('done');
    expect(node.parents.size).toBe(0);
  });

  it('closes an idle device', async () => {
    const { device, node } = deviceRig();
    await device.close();
    expect(node.parents.size).toBe(0);
  });

  it('closes once, however often it is called', async () => {
    const { device } = deviceRig();
    await Promise.all([device.close(), device.close()]);
    await device.close();
  });

  it('carries out what the queue has accepted', async () => {
    const { device } = deviceRig();
    const guest = askAgain(device, read(0, DISK_SIZE), 9);
    const closing = device.close();
    const { answers } = guest;
    await closing;
    expect(answers).toBeLessThan(9);
    expect(guest.answers).toBe(answers + 1);
  });

  it('fails requests that come too late, in a later turn', async () => {
    const { device, disk } = deviceRig();
    const closed = device.close();
    expect(device.closed).toBe(true);
    const { statuses, accepted } = submitting(device, read());
    expect(accepted).toEqual([true]);
    expect(statuses).toEqual([]);
    await closed;
    await settle();
    await settle();
    expect(statuses).toEqual([STATUS.IOERR]);
    expect(disk.calls).toEqual([]);
  });

  it('does not let a guest that keeps asking stop the event loop', async () => {
    const { device } = deviceRig();
    await device.close();
    const guest = askAgain(device, read(), Number.POSITIVE_INFINITY);
    for (let count = 0; count < 5; count += 1) await settle();
    expect(guest.answers).toBeGreaterThan(0);
    expect(guest.answers).toBeLessThan(10);
    expect(guest.nestingMax).toBe(1);
  });

  it('rejects calls that wait for a slot, and later ones', async () => {
    const { device, gate } = deviceRig({ queueSize: 1 });
    gate.mode = 'held';
    const first = device.request(read());
    const waiting = watch(() => device.request(read()));
    const closed = device.close();
    await settle();
    expect(waiting).toMatchObject({ state: 'failed', error: { code: 'ESHUTDOWN' } });
    await expect(device.request(read())).rejects.toMatchObject({ code: 'ESHUTDOWN' });
    gate.next().complete();
    expect(await first).toBe(STATUS.OK);
    await closed;
  });
});
