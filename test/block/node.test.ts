import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { DirtyBitmap } from '../../src/bitmap/dirty-bitmap.ts';
import type { BlockExtent } from '../../src/block/driver.ts';
import { BlockEdge } from '../../src/block/edge.ts';
import { nodeOf, pattern, TestDisk } from '../support/drivers.ts';
import { deferred, settle, watch } from '../support/settle.ts';

const FUA = { forceUnitAccess: true };

describe('requests outside the disk', () => {
  const size = 1000;
  const bad = [
    [-1, 1],
    [1000, 1],
    [999, 2],
    [0, 1001],
    [0.5, 1],
    [Number.NaN, 1],
    [Number.POSITIVE_INFINITY, 1],
    [Number.NEGATIVE_INFINITY, 1],
    [2 ** 53, 1],
    [2 ** 53, 0],
    [-1, 0],
  ] as const;

  it.each(bad)('are refused: offset %d, length %d', (offset, length) => {
    const disk = new TestDisk({ size });
    const node = nodeOf(disk, { unmap: true });
    const bytes = new Uint8Array(length);
    const requests = [
      () => node.read(offset, bytes),
      () => node.write(offset, bytes),
      () => node.writeZeroes(offset, length),
      () => node.discard(offset, length),
      () => node.blockStatus(offset, length),
    ];
    for (const request of requests) {
      expect(request).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    }
    expect(disk.calls).toEqual([]);
    expect(node.inFlight).toBe(0);
  });

  it.each([-1, 0.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY])(
    'are refused: length %d',
    (length) => {
      const node = nodeOf(new TestDisk({ size }), { unmap: true });
      for (const name of ['writeZeroes', 'discard', 'blockStatus'] as const) {
        expect(() => node[name](0, length)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
      }
    },
  );

  it('are not those of no bytes at the very end', async () => {
    const node = nodeOf(new TestDisk({ size, alignment: 512 }), { unmap: true });
    await node.read(size, new Uint8Array(0));
    await node.write(size, new Uint8Array(0));
    await node.writeZeroes(size, 0);
    await node.discard(size, 0);
  });
});

describe('a read-only disk', () => {
  it('refuses every change and lets the rest pass', async () => {
    const disk = new TestDisk({ size: 512 });
    const node = nodeOf(disk, { readOnly: true, unmap: true });
    const refusal = expect.objectContaining({ code: 'EPERM' });
    expect(() => node.write(0, pattern(1))).toThrow(refusal);
    expect(() => node.writeZeroes(0, 1)).toThrow(refusal);
    expect(() => node.discard(0, 512)).toThrow(refusal);
    await expect(node.resize(1024)).rejects.toThrow(refusal);
    await node.read(0, new Uint8Array(1));
    await node.flush();
    await node.blockStatus(0, 512);
    expect(disk.operations).toEqual(['read', 'flush', 'blockStatus']);
  });

  it('says that a range is wrong before it says that it is read-only', () => {
    const node = nodeOf(new TestDisk({ size: 512 }), { readOnly: true });
    expect(() => node.write(512, pattern(1))).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  });
});

describe('a driver that completes at once', () => {
  it('is not made to wait: no promise comes back', () => {
    for (const alignment of [1, 512]) {
      const node = nodeOf(new TestDisk({ size: 4096, alignment }));
      expect(node.read(512, new Uint8Array(512))).toBeUndefined();
      expect(node.flush()).toBeUndefined();
      expect(node.inFlight).toBe(0);
    }
    const node = nodeOf(new TestDisk({ size: 4096 }));
    expect(node.write(5, pattern(7))).toBeUndefined();
    expect(node.blockStatus(0, 10)).toMatchObject({ length: 10 });
  });

  it('may throw at once, and leaves nothing in flight', () => {
    const disk = new TestDisk({ size: 4096 });
    const node = nodeOf(disk);
    disk.gate.pass = () => {
      throw new BlockError('EIO', 'do', 'broken');
    };
    expect(() => node.read(0, new Uint8Array(1))).toThrow('broken');
    expect(() => node.write(0, pattern(1))).toThrow('broken');
    expect(() => node.flush()).toThrow('broken');
    expect(node.inFlight).toBe(0);
  });
});

describe('what is in flight', () => {
  it('is counted from beginning to end, whether it fails or not', async () => {
    const disk = new TestDisk({ size: 4096, alignment: 512 });
    const node = nodeOf(disk, { unmap: true });
    disk.gate.mode = 'held';
    const requests = [
      watch(() => node.read(0, new Uint8Array(512))),
      watch(() => node.write(512, pattern(512))),
      watch(() => node.writeZeroes(1024, 512)),
      watch(() => node.discard(1536, 512)),
      watch(() => node.flush()),
      watch(() => node.blockStatus(0, 512)),
    ];
    const idle = watch(() => node.whenIdle());
    await settle();
    for (let left = requests.length; left > 0; left -= 1) {
      expect([node.inFlight, idle.state]).toEqual([left, 'pending']);
      if (left % 2 === 0) disk.gate.next().complete();
      else disk.gate.next().fail(new BlockError('EIO', 'do', 'broken'));
      await settle();
    }
    expect([node.inFlight, idle.state]).toEqual([0, 'done']);
    expect(requests.filter(({ state }) => state === 'failed').length).toBe(3);
  });

  it('is looked at again by who waits, for something may have begun meanwhile', async () => {
    const disk = new TestDisk({ size: 512 });
    const node = nodeOf(disk);
    const { promise, resolve } = deferred<never>();
    disk.gate.pass = () => promise;
    watch(() => node.flush());
    const idle = watch(() => node.whenIdle());
    // This runs right after the node has counted the first request as ended.
    void promise.then(() => {
      disk.gate.pass = () => new Promise(() => {});
      watch(() => node.flush());
    });
    resolve(undefined as never);
    await settle();
    expect([node.inFlight, idle.state]).toEqual([1, 'pending']);
  });

  it('is nothing on an idle node, which is told at once', async () => {
    const node = nodeOf(new TestDisk({ size: 512 }));
    const idle = watch(() => node.whenIdle());
    await settle();
    expect(idle.state).toBe('done');
  });
});

describe('forced unit access', () => {
  it.each(['write', 'writeZeroes'] as const)(
    'goes to a driver that honours it: %s',
    async (operation) => {
      const disk = new TestDisk({ size: 512 });
      const node = nodeOf(disk);
      if (operation === 'write') await node.write(0, pattern(10), FUA);
      else await node.writeZeroes(0, 10, FUA);
      expect(disk.operations).toEqual([operation]);
      expect(disk.calls[0]?.options).toMatchObject(FUA);
    },
  );

  it.each(['write', 'writeZeroes'] as const)(
    'is a flush after the %s elsewhere, and only then done',
    async (operation) => {
      const disk = new TestDisk({ size: 512, forceUnitAccess: false });
      const node = nodeOf(disk);
      disk.gate.mode = 'held';
      const request = watch(() =>
        operation === 'write' ? node.write(0, pattern(10), FUA) : node.writeZeroes(0, 10, FUA),
      );
      await settle();
      expect(disk.operations).toEqual([operation]);
      disk.gate.next(operation).complete();
      await settle();
      expect(disk.operations).toEqual([operation, 'flush']);
      expect([request.state, node.inFlight]).toEqual(['pending', 1]);
      disk.gate.next('flush').complete();
      await settle();
      expect([request.state, node.inFlight]).toEqual(['done', 0]);
    },
  );

  it('flushes once, after the last piece', async () => {
    const options = { size: 2048, alignment: 512, transferMax: 512, forceUnitAccess: false };
    const disk = new TestDisk(options);
    await nodeOf(disk).write(100, pattern(1500), FUA);
    expect(disk.operations.indexOf('flush')).toBe(disk.calls.length - 1);
  });

  it('fails where the flush fails, and does not flush after a write that failed', async () => {
    const disk = new TestDisk({ size: 512, forceUnitAccess: false });
    const node = nodeOf(disk);
    disk.gate.mode = 'held';
    const first = watch(() => node.write(0, pattern(10), FUA));
    disk.gate.next('write').complete();
    await settle();
    disk.gate.next('flush').fail(new BlockError('EIO', 'flush', 'broken'));
    const second = watch(() => node.write(0, pattern(10), FUA));
    disk.gate.next('write').fail(new BlockError('ENOSPC', 'write', 'full'));
    await settle();
    expect([first, second]).toMatchObject([
      { state: 'failed', error: { code: 'EIO' } },
      { state: 'failed', error: { code: 'ENOSPC' } },
    ]);
    expect(disk.operations).toEqual(['write', 'flush', 'write']);
  });

  it('is not asked for by a plain write', async () => {
    const disk = new TestDisk({ size: 512, forceUnitAccess: false });
    await nodeOf(disk).write(0, pattern(10));
    expect(disk.operations).toEqual(['write']);
  });
});

describe('blockStatus()', () => {
  const extent: BlockExtent = { length: 512, data: false, zero: true, allocated: false };

  it('calls everything data where the driver knows nothing', async () => {
    const node = nodeOf(new TestDisk({ size: 4096, operations: [] }));
    const data = { length: 100, data: true, zero: false, allocated: true };
    expect(await node.blockStatus(7, 100)).toEqual(data);
  });

  it.each(['sync', 'async'] as const)('cuts the answer to what was asked, %s', async (mode) => {
    const disk = new TestDisk({ size: 4096 });
    const node = nodeOf(disk);
    disk.gate.mode = mode;
    disk.extentAt = () => extent;
    expect(await node.blockStatus(0, 100)).toEqual({ ...extent, length: 100 });
    expect(await node.blockStatus(0, 600)).toEqual(extent);
  });

  it('asks a driver with an alignment for whole blocks', async () => {
    const disk = new TestDisk({ size: 1800, alignment: 512 });
    const node = nodeOf(disk);
    disk.extentAt = (_offset, length) => ({ ...extent, length: Math.min(length, 1024) });
    expect(await node.blockStatus(600, 100)).toEqual({ ...extent, length: 100 });
    expect(await node.blockStatus(600, 1200)).toEqual({ ...extent, length: 1536 - 600 });
    expect(await node.blockStatus(1700, 100)).toEqual({ ...extent, length: 100 });
    expect(disk.calls.map(({ offset, length }) => [offset, length])).toEqual([
      [512, 512],
      [512, 1288],
      [1536, 264],
    ]);
  });

  it('does not ask the driver about no bytes', async () => {
    const disk = new TestDisk({ size: 4096 });
    expect(await nodeOf(disk).blockStatus(7, 0)).toMatchObject({ length: 0 });
    expect(disk.calls).toEqual([]);
  });

  it('fails with what the driver failed with', async () => {
    const disk = new TestDisk({ size: 4096 });
    disk.gate.mode = 'held';
    const request = watch(() => nodeOf(disk).blockStatus(0, 1));
    disk.gate.next().fail(new BlockError('EIO', 'ask', 'broken'));
    await settle();
    expect(request).toMatchObject({ state: 'failed', error: { code: 'EIO' } });
  });
});

describe('resize()', () => {
  it('moves the end of the disk', async () => {
    const node = nodeOf(new TestDisk({ size: 512 }));
    await node.resize(1024);
    expect(node.size).toBe(1024);
    await node.write(1023, pattern(1));
    await node.resize(100);
    expect(() => node.read(100, new Uint8Array(1))).toThrow(BlockError);
  });

  it('is refused by a driver of a fixed size', async () => {
    const node = nodeOf(new TestDisk({ size: 512, operations: [] }));
    await expect(node.resize(1024)).rejects.toMatchObject({ code: 'ENOTSUP' });
  });

  it.each([-1, 0.5, Number.NaN, 2 ** 53])('is refused to %d bytes', async (size) => {
    const disk = new TestDisk({ size: 512 });
    await expect(nodeOf(disk).resize(size)).rejects.toMatchObject({ code: 'EINVAL' });
    expect(disk.calls).toEqual([]);
  });

  it('is refused while a bitmap tracks the disk, which has its size', async () => {
    const node = nodeOf(new TestDisk({ size: 512 }));
    const bitmap = new DirtyBitmap(512, 512);
    node.track(bitmap);
    await expect(node.resize(1024)).rejects.toMatchObject({ code: 'EBUSY' });
    node.untrack(bitmap);
    await node.resize(1024);
    expect(node.size).toBe(1024);
  });
});

describe('close()', () => {
  it('waits for requests, closes the driver, then leaves the nodes below', async () => {
    const below = nodeOf(new TestDisk({ size: 512 }), { name: 'below' });
    const children = [new BlockEdge(below, { name: 'disk' })];
    const disk = new TestDisk({ size: 512, children });
    const node = nodeOf(disk);
    expect(node.children).toEqual([below]);
    disk.gate.mode = 'held';
    watch(() => node.flush());
    const closing = watch(() => node.close());
    await settle();
    expect(disk.operations).toEqual(['flush']);
    disk.gate.next('flush').complete();
    await settle();
    expect([disk.operations.at(-1), below.parents.size]).toEqual(['close', 1]);
    disk.gate.next('close').complete();
    await settle();
    expect([closing.state, below.parents.size]).toEqual(['done', 0]);
  });

  it('lets go of the nodes below when the driver fails to close, too', async () => {
    const below = nodeOf(new TestDisk({ size: 512 }), { name: 'below' });
    const children = [new BlockEdge(below, { name: 'disk' })];
    const disk = new TestDisk({ size: 512, children });
    disk.gate.mode = 'held';
    const closing = watch(() => nodeOf(disk).close());
    await settle();
    disk.gate.next('close').fail(new BlockError('EIO', 'close', 'broken'));
    await settle();
    expect([closing.state, below.parents.size]).toEqual(['failed', 0]);
  });

  it('is wrong while somebody stands on the node', async () => {
    const node = nodeOf(new TestDisk({ size: 512 }));
    const edge = new BlockEdge(node, { name: 'device' });
    await expect(node.close()).rejects.toThrow('Assertion failed');
    edge.close();
    await node.close();
  });

  it('is wrong a second time, and nobody comes to stand on the node after it', async () => {
    const node = nodeOf(new TestDisk({ size: 512 }));
    expect(node.isClosed).toBe(false);
    const closing = node.close();
    expect(node.isClosed).toBe(true);
    await expect(node.close()).rejects.toThrow('Assertion failed');
    expect(() => new BlockEdge(node, { name: 'late' })).toThrow('Assertion failed');
    await closing;
  });
});

describe('the limits of a driver', () => {
  it.each([
    { alignment: 3 },
    { alignment: 0 },
    { alignment: 512, transferMax: 511 },
    { alignment: 512, discardAlignment: 256 },
    { alignment: 8, discardAlignment: 24 },
    { alignment: 2 ** 21 },
  ])('are wrong: %o', (limits) => {
    expect(() => nodeOf(new TestDisk({ size: 2 ** 21, ...limits }))).toThrow('Assertion failed');
  });
});
