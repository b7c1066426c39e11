import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { BlockGraph } from '../../src/block/graph.ts';
import { type GuestRequest, STATUS, type Status } from '../../src/device/request.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { DISK_SIZE, deviceRig, read, submitting, together, write } from '../support/device-rig.ts';
import { nodeOf, pattern, TestDisk } from '../support/drivers.ts';
import { settle, watch } from '../support/settle.ts';

describe('requests', () => {
  it('reads into the guest’s buffer', async () => {
    const { device, disk } = deviceRig();
    disk.bytes.set(pattern(1024), 3 * 512);
    const request = read(3, 1024);
    expect(await device.request(request)).toBe(STATUS.OK);
    expect(request.data).toEqual(pattern(1024));
  });

  it('writes the guest’s buffer', async () => {
    const { device, disk } = deviceRig();
    expect(await device.request(write(5, pattern(512)))).toBe(STATUS.OK);
    expect(disk.bytes.subarray(5 * 512, 6 * 512)).toEqual(pattern(512));
  });

  it('flushes the disk', async () => {
    const { device, disk } = deviceRig();
    expect(await device.request({ type: 'flush' })).toBe(STATUS.OK);
    expect(disk.operations).toEqual(['flush']);
  });

  it('discards every segment', async () => {
    const { device, disk } = deviceRig({}, { unmap: true });
    const segments = [
      { sector: 1, sectors: 2, unmap: false },
      { sector: 8, sectors: 8, unmap: false },
    ];
    expect(await device.request({ type: 'discard', segments })).toBe(STATUS.OK);
    expect(disk.calls).toEqual([
      { operation: 'discard', offset: 512, length: 1024 },
      { operation: 'discard', offset: 4096, length: 4096 },
    ]);
  });

  it('zeroes every segment, unmapping those that may be', async () => {
    const { device, disk } = deviceRig({}, { unmap: true });
    const segments = [
      { sector: 0, sectors: 1, unmap: true },
      { sector: 2, sectors: 1, unmap: false },
    ];
    disk.bytes.set(pattern(2048));
    expect(await device.request({ type: 'writeZeroes', segments })).toBe(STATUS.OK);
    expect(disk.calls.map(({ options }) => options)).toMatchObject([
      { mayUnmap: true },
      { mayUnmap: false },
    ]);
    expect(disk.bytes.subarray(0, 512)).toEqual(new Uint8Array(512));
    expect(disk.bytes.subarray(512, 1024)).toEqual(pattern(512, 513));
    expect(disk.bytes.subarray(1024, 1536)).toEqual(new Uint8Array(512));
  });

  it('stops at the first segment that fails', async () => {
    const { device, disk } = deviceRig({}, { unmap: true });
    disk.beforeZeroes = () => {
      throw new BlockError('EIO', 'zero', 'broken');
    };
    const segments = [0, 1].map((sector) => ({ sector, sectors: 1, unmap: false }));
    expect(await device.request({ type: 'writeZeroes', segments })).toBe(STATUS.IOERR);
    expect(disk.calls).toHaveLength(1);
  });

  it('accepts a discard of nothing', async () => {
    const { device, disk } = deviceRig();
    expect(await device.request({ type: 'discard', segments: [] })).toBe(STATUS.OK);
    expect(disk.calls).toEqual([]);
  });

  it('answers getId with the serial number, padded with NUL', async () => {
    const id = new Uint8Array(20).fill(0xff);
    expect(await deviceRig({ serial: 'AB-1' }).device.request({ type: 'getId', data: id })).toBe(
      STATUS.OK,
    );
    expect(Buffer.from(id).toString('latin1')).toBe(`AB-1${'\0'.repeat(16)}`);
  });

  it('ends a serial number of 20 characters with no NUL', async () => {
    const serial = '0123456789abcdefghij';
    const id = new Uint8Array(20);
    await deviceRig({ serial }).device.request({ type: 'getId', data: id });
    expect(Buffer.from(id).toString('latin1')).toBe(serial);
  });

  it('fails getId with a buffer that is not 20 bytes long', async () => {
    const { device } = deviceRig();
    for (const length of [0, 19, 21]) {
      const data = new Uint8Array(length);
      expect(await device.request({ type: 'getId', data })).toBe(STATUS.IOERR);
    }
  });

  it('does not support a type it does not know', async () => {
    const { device } = deviceRig();
    const request = { type: 'secureErase', segments: [] } as unknown as GuestRequest;
    await device.request(read());
    expect(await device.request(request)).toBe(STATUS.UNSUPP);
    expect(device.queueDepth).toBe(0);
    // It has no account, and must not get into that of the request before it.
    expect(device.statistics().all).toMatchObject({ requests: 1, invalid: 0 });
  });

  it('fails what is not on the disk or not whole sectors, without asking the disk', async () => {
    const { device, disk } = deviceRig();
    const last = DISK_SIZE / 512 - 1;
    const requests = [read(last, 1024), read(last + 1), read(0, 100), write(0, new Uint8Array(1))];
    expect(await together(device, requests)).toEqual(requests.map(() => STATUS.IOERR));
    expect(disk.calls).toEqual([]);
    expect(await device.request(read(last))).toBe(STATUS.OK);
  });

  it('fails every change of a read-only disk, without asking the disk', async () => {
    const { device, disk } = deviceRig({ readOnly: true });
    const segments = [{ sector: 0, sectors: 1, unmap: false }];
    const statuses = await together(device, [
      write(0, new Uint8Array(512)),
      { type: 'discard', segments },
      { type: 'writeZeroes', segments },
    ]);
    expect(statuses).toEqual([STATUS.IOERR, STATUS.IOERR, STATUS.IOERR]);
    expect(disk.calls).toEqual([]);
    expect(await device.request(read())).toBe(STATUS.OK);
    expect(await device.request({ type: 'flush' })).toBe(STATUS.OK);
  });
});

describe('failures of the disk', () => {
  it('fails the request and tells why, whether the disk throws or rejects', async () => {
    const errors: unknown[] = [];
    const { device, disk, gate } = deviceRig({
      onError: (error, request) => errors.push(error.code, request.type),
    });
    disk.read = () => {
      throw new BlockError('EIO', 'read', 'broken');
    };
    expect(submitting(device, read()).statuses).toEqual([STATUS.IOERR]);

    gate.mode = 'held';
    const { statuses } = submitting(device, write(0, pattern(512)));
    gate.next('write').fail(new BlockError('ENOSPC', 'write', 'full'));
    await settle();
    expect(statuses).toEqual([STATUS.IOERR]);
    expect(errors).toEqual(['EIO', 'in', 'ENOSPC', 'out']);
  });

  it('makes no status of a defect of the program', () => {
    const { device, disk } = deviceRig({ queueSize: 1 });
    const { read: sound } = disk;
    disk.read = () => {
      throw new TypeError('a defect');
    };
    const statuses: Status[] = [];
    const submit = () => device.submit(read(), (status) => statuses.push(status));
    expect(submit).toThrow('a defect');
    expect(statuses).toEqual([]);
    disk.read = sound;
    submit();
    expect(statuses).toEqual([STATUS.OK]);
    expect(device.queueDepth).toBe(0);
  });
});

describe('the write cache', () => {
  const segments = [{ sector: 0, sectors: 1, unmap: false }];
  const requests: readonly GuestRequest[] = [
    write(0, pattern(512)),
    { type: 'writeZeroes', segments },
  ];
  const forced = (disk: TestDisk) => disk.calls.map(({ options }) => options?.forceUnitAccess);

  it('leaves durability to flushes while it is on', async () => {
    const { device, disk } = deviceRig();
    await together(device, requests);
    expect(forced(disk)).toEqual([false, false]);
  });

  it('makes writes durable before they complete when it is off', async () => {
    const { device, disk } = deviceRig({ writeCache: false });
    await together(device, requests);
    expect(forced(disk)).toEqual([true, true]);
  });

  it('is the guest’s to turn off and on', async () => {
    const { device, disk } = deviceRig();
    device.setWriteback(false);
    expect(device.config.writeback).toBe(false);
    await together(device, requests);
    device.setWriteback(true);
    expect(device.config.writeback).toBe(true);
    await together(device, requests);
    expect(forced(disk)).toEqual([true, true, false, false]);
  });
});

describe('the disk under the device', () => {
  const graph = new BlockGraph(nodeEnv(), {});

  it('may be exchanged: what waited through it goes to the new one', async () => {
    const { device, node, gate, disk } = deviceRig();
    const target = new TestDisk({ size: 2 * DISK_SIZE });
    gate.mode = 'held';
    const first = device.request(write(0, pattern(512)));
    const pivot = watch(() => graph.replace(node, nodeOf(target, { name: 'target' })));
    const second = device.request(write(1, pattern(512)));
    await settle();
    expect(disk.operations).toEqual(['write']);
    expect(target.operations).toEqual([]);
    gate.next().complete();
    await settle();
    expect(pivot.state).toBe('done');
    expect(await Promise.all([first, second])).toEqual([STATUS.OK, STATUS.OK]);
    expect(disk.operations).toEqual(['write']);
    expect(target.bytes.subarray(512, 1024)).toEqual(pattern(512));
    expect(device.capacity).toBe((2 * DISK_SIZE) / 512);
    expect(device.config.capacity).toBe((2 * DISK_SIZE) / 512);
    expect(await device.request(read((2 * DISK_SIZE) / 512 - 1))).toBe(STATUS.OK);
  });

  it('may be read-only, and then so is the device', () => {
    const { device } = deviceRig({}, { readOnly: true });
    expect(device.readOnly).toBe(true);
    expect(device.features.has('RO')).toBe(true);
    expect(deviceRig().device.features.has('RO')).toBe(false);
  });

  it('must not be read-only when the device is not to be', () => {
    const make = () => deviceRig({ readOnly: false }, { readOnly: true });
    expect(make).toThrow(expect.objectContaining({ code: 'EPERM' }));
  });

  it('need not be whole sectors; the last part is out of reach', async () => {
    const { device } = deviceRig({}, {}, new TestDisk({ size: 1000 }));
    expect(device.capacity).toBe(1);
    expect(await together(device, [read(0), read(1)])).toEqual([STATUS.OK, STATUS.IOERR]);
  });
});

describe('options', () => {
  it('demand a queue DISK_SIZE that is a power of two up to 32768', () => {
    for (const queueSize of [1, 2, 1024, 32_768]) {
      expect(deviceRig({ queueSize }).device.queueSize).toBe(queueSize);
    }
    for (const queueSize of [0, -1, 3, 1.5, 65_536]) {
      expect(() => deviceRig({ queueSize })).toThrow(RangeError);
    }
  });

  it('demand a serial number of up to 20 characters of ASCII', () => {
    expect(() => deviceRig({ serial: 'x'.repeat(21) })).toThrow(RangeError);
    expect(() => deviceRig({ serial: 'é' })).toThrow(RangeError);
  });
});
