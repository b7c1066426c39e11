import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { BlockEdge } from '../../src/block/edge.ts';
import { nodeOf, pattern, TestDisk } from '../support/drivers.ts';
import { settle, watch } from '../support/settle.ts';

function edgeTo(disk: TestDisk) {
  const node = nodeOf(disk, { unmap: true });
  return { disk, node, edge: new BlockEdge(node, { name: 'device' }) };
}

/** Starts one request of every kind. */
function startAll(edge: BlockEdge) {
  const all = [
    () => edge.read(0, new Uint8Array(8)),
    () => edge.write(8, pattern(8)),
    () => edge.writeZeroes(16, 8),
    () => edge.discard(24, 8),
    () => edge.flush(),
    () => edge.blockStatus(0, 8),
    () => edge.resize(4096),
  ];
  return all.map(watch);
}

const ALL = ['read', 'write', 'writeZeroes', 'discard', 'flush', 'blockStatus', 'resize'];

describe('an edge', () => {
  it('passes every kind of request on to its node, with what was given', async () => {
    const { disk, edge } = edgeTo(new TestDisk({ size: 1024 }));
    expect(edge.size).toBe(1024);
    for (const request of startAll(edge)) {
      await settle();
      expect(request.state).toBe('done');
    }
    expect(disk.operations).toEqual(ALL);
    const fua = { forceUnitAccess: true };
    await edge.write(0, pattern(1), fua);
    await edge.writeZeroes(0, 1, { ...fua, noFallback: true });
    expect(disk.calls.at(-2)?.options).toEqual(fua);
    expect(disk.calls.at(-1)?.options).toEqual({ ...fua, noFallback: true, mayUnmap: false });
  });

  it('completes at once where its node does', () => {
    const { edge } = edgeTo(new TestDisk({ size: 1024 }));
    expect(edge.read(0, new Uint8Array(8))).toBeUndefined();
    expect(edge.write(0, pattern(8))).toBeUndefined();
    expect(edge.flush()).toBeUndefined();
  });

  it('is among the parents of its node until it is closed', () => {
    const { node, edge } = edgeTo(new TestDisk({ size: 1024 }));
    expect([...node.parents]).toEqual([edge]);
    edge.close();
    expect([...node.parents]).toEqual([]);
  });
});

describe('an edge that is held', () => {
  it('holds back requests of every kind, and lets them go in their order', async () => {
    const { disk, node, edge } = edgeTo(new TestDisk({ size: 1024 }));
    edge.hold();
    const requests = startAll(edge);
    await settle();
    expect([disk.calls.length, node.inFlight]).toEqual([0, 0]);
    edge.letGo();
    await settle();
    expect(disk.operations).toEqual(ALL);
    expect(requests.every(({ state }) => state === 'done')).toBe(true);
  });

  it('stays held until it was let go as often as it was held', async () => {
    const { disk, edge } = edgeTo(new TestDisk({ size: 1024 }));
    edge.hold();
    edge.hold();
    const request = watch(() => edge.flush());
    edge.letGo();
    await settle();
    expect([disk.calls.length, request.state]).toEqual([0, 'pending']);
    edge.letGo();
    await settle();
    expect([disk.calls.length, request.state]).toEqual([1, 'done']);
    expect(() => edge.letGo()).toThrow('Assertion failed');
  });

  it('hands on what a request came to, an error thrown at once included', async () => {
    const { disk, edge } = edgeTo(new TestDisk({ size: 1024 }));
    disk.extentAt = () => ({ length: 3, data: true, zero: false, allocated: true });
    edge.hold();
    const status = edge.blockStatus(0, 8);
    const outside = watch(() => edge.read(1024, new Uint8Array(1)));
    edge.letGo();
    expect(await status).toMatchObject({ length: 3 });
    expect(outside).toMatchObject({ state: 'failed', error: { code: 'EINVAL' } });
  });

  it('picks its node when it is let go, not when the request comes', async () => {
    const { disk: old, edge } = edgeTo(new TestDisk({ size: 1024 }));
    const disk = new TestDisk({ size: 2048 });
    const node = nodeOf(disk);
    edge.hold();
    const write = watch(() => edge.write(1500, pattern(8)));
    edge.redirect(node);
    expect([edge.node, edge.size, [...node.parents]]).toEqual([node, 2048, [edge]]);
    edge.letGo();
    await settle();
    // The range is that of the new disk too: on the old one it would have been refused.
    expect([old.calls.length, disk.operations, write.state]).toEqual([0, ['write'], 'done']);
  });

  it('holds the rest back again, in order, when what it let go first holds it again', async () => {
    const { disk, edge } = edgeTo(new TestDisk({ size: 1024 }));
    edge.hold();
    const offsets: number[] = [];
    for (const offset of [0, 8, 16]) watch(() => edge.write(offset, pattern(8)));
    disk.gate.pass = (call, effect) => {
      offsets.push(call.offset);
      if (offsets.length === 1) edge.hold();
      return effect();
    };
    edge.letGo();
    const late = watch(() => edge.write(24, pattern(8)));
    await settle();
    expect([offsets, late.state]).toEqual([[0], 'pending']);
    edge.letGo();
    await settle();
    expect([offsets, late.state]).toEqual([[0, 8, 16, 24], 'done']);
  });

  it('lets what was held go before what comes next', async () => {
    const { disk, edge } = edgeTo(new TestDisk({ size: 1024 }));
    edge.hold();
    watch(() => edge.write(0, pattern(8)));
    edge.letGo();
    watch(() => edge.write(8, pattern(8)));
    await settle();
    expect(disk.calls.map(({ offset }) => offset)).toEqual([0, 8]);
  });

  it('does not close with a request held back', async () => {
    const { edge } = edgeTo(new TestDisk({ size: 1024 }));
    edge.hold();
    const request = watch(() => edge.flush());
    expect(() => edge.close()).toThrow('Assertion failed');
    edge.letGo();
    await settle();
    expect(request.state).toBe('done');
    edge.close();
  });

  it('fails one request and goes on with the next', async () => {
    const { disk, edge } = edgeTo(new TestDisk({ size: 1024 }));
    edge.hold();
    const requests = [0, 8].map((offset) => watch(() => edge.write(offset, pattern(8))));
    disk.gate.pass = (call, effect) => {
      if (call.offset === 0) throw new BlockError('EIO', 'write', 'broken');
      return effect();
    };
    edge.letGo();
    await settle();
    expect(requests.map(({ state }) => state)).toEqual(['failed', 'done']);
  });
});
