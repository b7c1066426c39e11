import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import type { GuestRequestType } from '../../src/device/request.ts';
import {
  askAgain,
  DISK_SIZE,
  deviceRig,
  read,
  submitting,
  together,
  write,
} from '../support/device-rig.ts';
import { settle } from '../support/settle.ts';

describe('accounts', () => {
  it('keep one account for each type', async () => {
    const { device } = deviceRig({}, { unmap: true });
    const segments = [{ sector: 0, sectors: 4, unmap: false }];
    await together(device, [
      read(0, 4096),
      read(0, 512),
      write(0, new Uint8Array(1024)),
      { type: 'flush' },
      { type: 'discard', segments },
      { type: 'writeZeroes', segments },
      { type: 'getId', data: new Uint8Array(20) },
    ]);
    const { operations, all } = device.statistics();
    const count = (type: GuestRequestType) => [operations[type].requests, operations[type].bytes];
    expect(count('in')).toEqual([2, 4608]);
    expect(count('out')).toEqual([1, 1024]);
    expect(count('flush')).toEqual([1, 0]);
    expect(count('discard')).toEqual([1, 2048]);
    expect(count('writeZeroes')).toEqual([1, 2048]);
    expect(count('getId')).toEqual([1, 0]);
    expect(all).toMatchObject({ requests: 7, bytes: 9728, failed: 0, invalid: 0 });
  });

  it('tell failed requests from invalid ones, and count the bytes of neither', async () => {
    const { device, disk } = deviceRig();
    await device.request(read(DISK_SIZE));
    disk.read = () => {
      throw new BlockError('EIO', 'read', 'broken');
    };
    await device.request(read());
    const { operations } = device.statistics();
    expect(operations.in).toMatchObject({ requests: 0, bytes: 0, failed: 1, invalid: 1 });
    expect(operations.in.latency.count).toBe(1);
  });

  it('measure from submission to completion', async () => {
    const { device, gate, clock } = deviceRig();
    gate.mode = 'held';
    submitting(device, read(0));
    clock.pass(2);
    submitting(device, read(1));
    clock.pass(5);
    gate.held[1]?.complete();
    await settle();
    clock.pass(1);
    gate.next().complete();
    await settle();
    const { latency } = device.statistics().operations.in;
    expect(latency).toMatchObject({ count: 2, minMs: 5, maxMs: 8, meanMs: 6.5 });
  });

  it('measure the wait for a turn of the event loop too', async () => {
    const { device, clock } = deviceRig();
    const guest = askAgain(device, read(0, DISK_SIZE), 20);
    const before = guest.answers;
    clock.pass(30);
    while (guest.answers < 20) await settle();
    expect(before).toBeLessThan(20);
    expect(device.statistics().operations.in.latency.maxMs).toBe(30);
  });

  it('leave out what the guest does before it asks again', async () => {
    const { device, clock } = deviceRig();
    device.submit(read(), () => {
      clock.pass(50);
      device.submit(read(), () => {});
    });
    expect(device.statistics().operations.in.latency).toMatchObject({ count: 2, maxMs: 0 });
  });

  it('measure what a slow request does to those behind it', () => {
    const { device, disk, clock } = deviceRig();
    const { read: quick } = disk;
    disk.read = (offset, into) => {
      if (offset === 512) clock.pass(10);
      return quick.call(disk, offset, into);
    };
    device.submit(read(0), () => {
      submitting(device, read(1), read(2), read(3));
    });
    const { latency } = device.statistics().operations.in;
    expect(latency).toMatchObject({ count: 4, minMs: 0, maxMs: 10, meanMs: 7.5 });
  });

  it('tell the callback when its request completed', async () => {
    const { device, gate, clock } = deviceRig();
    gate.mode = 'held';
    const times: number[] = [];
    device.submit(read(), (_, nowMs) => times.push(nowMs));
    clock.pass(7);
    const nowMs = clock.nowMs();
    gate.next().complete();
    await settle();
    expect(times).toEqual([nowMs]);
  });

  it('know the present, the highest and the mean depth of the queue', async () => {
    const { device, gate, clock } = deviceRig();
    gate.mode = 'held';
    submitting(device, read(), read(), read());
    clock.pass(10);
    gate.next().complete();
    await settle();
    clock.pass(10);
    expect(device.statistics().queue).toEqual({ depth: 2, depthMax: 3, depthMean: 2.5 });
  });

  it('begin anew when they are reset', async () => {
    const { device, clock } = deviceRig();
    await device.request(read());
    clock.pass(10);
    device.resetStatistics();
    expect(device.statistics()).toMatchObject({ sinceMs: clock.nowMs(), all: { requests: 0 } });
  });
});
