import { describe, expect, it } from 'vitest';
import { drained } from '../../src/block/drain.ts';
import { BlockEdge } from '../../src/block/edge.ts';
import type { BlockNode } from '../../src/block/node.ts';
import type { ParentEdge } from '../../src/block/parent.ts';
import { filterOver, nodeOf, pattern, TestDisk } from '../support/drivers.ts';
import { deferred, settle, type Watched, watch } from '../support/settle.ts';

/** A disk whose requests wait for the test, and a device on it. */
function deviceOnDisk(name = 'disk') {
  const disk = new TestDisk({ size: 1024 });
  const node = nodeOf(disk, { name });
  disk.gate.mode = 'held';
  return { disk, node, edge: new BlockEdge(node, { name: 'device' }) };
}

/** A drain whose body goes on until the test ends it. */
function drain(node: BlockNode, open?: ParentEdge) {
  const { promise, resolve, reject } = deferred();
  const state = { isDrained: false, end: resolve, fail: reject };
  const body = () => {
    expect(node.inFlight).toBe(0);
    state.isDrained = true;
    return promise;
  };
  return Object.assign(state, { request: watch(() => drained(node, body, open)) });
}

function write(edge: BlockEdge): Watched {
  return watch(() => edge.write(0, pattern(8)));
}

describe('drained()', () => {
  it('runs its body at once on an idle node, and returns what that returns', async () => {
    const { node } = deviceOnDisk();
    expect(await drained(node, () => 'value')).toBe('value');
    expect(await drained(node, async () => 'later')).toBe('later');
  });

  it('waits for what is in flight and holds back what comes meanwhile', async () => {
    const { disk, node, edge } = deviceOnDisk();
    const before = write(edge);
    const drainage = drain(node);
    const during = write(edge);
    await settle();
    expect([drainage.isDrained, disk.calls.length]).toEqual([false, 1]);
    disk.gate.next().complete();
    await settle();
    expect([drainage.isDrained, before.state]).toEqual([true, 'done']);
    const later = write(edge);
    await settle();
    expect([disk.calls.length, node.inFlight]).toEqual([1, 0]);
    drainage.end();
    await settle();
    expect([disk.calls.length, node.inFlight]).toEqual([3, 2]);
    for (const _ of [during, later]) disk.gate.next().complete();
    await settle();
    expect([during.state, later.state, drainage.request.state]).toEqual(['done', 'done', 'done']);
  });

  it('waits for requests of every kind, those that fail included', async () => {
    const { disk, node, edge } = deviceOnDisk();
    watch(() => edge.flush());
    watch(() => edge.read(0, new Uint8Array(8)));
    watch(() => edge.blockStatus(0, 8));
    const drainage = drain(node);
    for (const left of [3, 2, 1]) {
      await settle();
      expect([disk.gate.held.length, drainage.isDrained]).toEqual([left, false]);
      if (left === 2) disk.gate.next().fail(new Error('broken'));
      else disk.gate.next().complete();
    }
    await settle();
    expect(drainage.isDrained).toBe(true);
  });

  it.each(['throws', 'rejects'])('ends, and hands on the error, when its body %s', async (how) => {
    const { disk, node, edge } = deviceOnDisk();
    const body = () => {
      const error = new Error('body failed');
      if (how === 'rejects') return Promise.reject(error);
      throw error;
    };
    await expect(drained(node, body)).rejects.toThrow('body failed');
    expect(node.drains.size).toBe(0);
    write(edge);
    expect(disk.calls.length).toBe(1);
  });

  it('leaves open the edge by which its body uses the node, having waited for it too', async () => {
    const { disk, node, edge } = deviceOnDisk();
    const job = new BlockEdge(node, { name: 'job' });
    const before = watch(() => job.read(0, new Uint8Array(8)));
    const drainage = drain(node, job);
    await settle();
    expect(drainage.isDrained).toBe(false);
    disk.gate.next().complete();
    await settle();
    expect([drainage.isDrained, before.state]).toEqual([true, 'done']);
    write(edge);
    const during = watch(() => job.read(0, new Uint8Array(8)));
    await settle();
    expect(disk.operations).toEqual(['read', 'read']);
    disk.gate.next().complete();
    await settle();
    expect(during.state).toBe('done');
    drainage.end();
    await settle();
    expect(disk.operations).toEqual(['read', 'read', 'write']);
  });
});

describe('drains of one node', () => {
  it('nest: the end of the inner one lets nothing go', async () => {
    const { disk, node, edge } = deviceOnDisk();
    const seen: number[] = [];
    const request = watch(() =>
      drained(node, async () => {
        await drained(node, () => drained(node, () => write(edge)));
        await settle();
        seen.push(disk.calls.length);
      }),
    );
    await settle();
    await settle();
    expect([seen, disk.calls.length, request.state]).toEqual([[0], 1, 'done']);
  });

  it('overlap: a request goes when the last one has ended, whichever began first', async () => {
    for (const order of [
      [0, 1],
      [1, 0],
    ]) {
      const { disk, node, edge } = deviceOnDisk();
      const both = [drain(node), drain(node)];
      await settle();
      expect(both.map(({ isDrained }) => isDrained)).toEqual([true, true]);
      write(edge);
      for (const index of order) {
        expect(disk.calls.length).toBe(0);
        both[index]?.end();
        await settle();
      }
      expect(disk.calls.length).toBe(1);
    }
  });
});

describe('a drain of a node that others stand on', () => {
  it('holds the parents of those, and lets come down what is on its way', async () => {
    const { disk, node, edge: beside } = deviceOnDisk();
    const lower = filterOver(node, 'lower');
    const upper = filterOver(lower.node, 'upper');
    const device = new BlockEdge(upper.node, { name: 'guest' });
    upper.driver.gate.mode = 'held';
    const onItsWay = write(device);
    const drainage = drain(node);
    const [above, next] = [write(device), write(beside)];
    await settle();
    // Nothing is in flight in the node itself, yet something will be.
    expect([node.inFlight, upper.node.inFlight, drainage.isDrained]).toEqual([0, 1, false]);
    upper.driver.gate.next().complete();
    await settle();
    expect([disk.calls.length, drainage.isDrained]).toEqual([1, false]);
    disk.gate.next().complete();
    await settle();
    expect([onItsWay.state, drainage.isDrained]).toEqual(['done', true]);
    expect([above.state, next.state, disk.calls.length]).toEqual(['pending', 'pending', 1]);
    drainage.end();
    await settle();
    expect([upper.driver.gate.held.length, disk.calls.length]).toEqual([1, 2]);
  });

  it('leaves alone who stands on a node below it', async () => {
    const { disk, node, edge: beside } = deviceOnDisk();
    const filter = filterOver(node, 'filter');
    const drainage = drain(filter.node);
    write(beside);
    await settle();
    expect([drainage.isDrained, disk.calls.length]).toEqual([true, 1]);
  });

  it('holds once an edge that it reaches by two ways', async () => {
    const { disk, node } = deviceOnDisk();
    const [left, right] = [filterOver(node, 'left'), filterOver(node, 'right')];
    const children = [left, right].map(({ node: side }) => new BlockEdge(side, { name: 'top' }));
    const top = nodeOf(new TestDisk({ size: 1024, children }), { name: 'top' });
    const device = new BlockEdge(top, { name: 'device' });
    const drainage = drain(node);
    const request = watch(() => device.flush());
    await settle();
    expect([drainage.isDrained, request.state]).toEqual([true, 'pending']);
    drainage.end();
    await settle();
    expect([request.state, disk.calls.length]).toEqual(['done', 0]);
  });
});

describe('while a drain lasts', () => {
  it('an edge that is new on the node is held', async () => {
    const { disk, node } = deviceOnDisk();
    const drainage = drain(node);
    const edge = new BlockEdge(node, { name: 'late' });
    write(edge);
    await settle();
    expect(disk.calls.length).toBe(0);
    drainage.end();
    await settle();
    expect(disk.calls.length).toBe(1);
    write(new BlockEdge(node, { name: 'later' }));
    expect(disk.calls.length).toBe(2);
  });

  it('an edge that is redirected to the node is held, and to the end of both drains', async () => {
    const { disk: old, node: from, edge } = deviceOnDisk('from');
    const { disk, node: to } = deviceOnDisk('to');
    const [leaving, coming] = [drain(from), drain(to)];
    await settle();
    write(edge);
    edge.redirect(to);
    leaving.end();
    await settle();
    expect(disk.calls.length).toBe(0);
    coming.end();
    await settle();
    expect([old.calls.length, disk.calls.length]).toEqual([0, 1]);
  });

  it('an edge that is redirected away stays held to the end', async () => {
    const { disk: old, node: from, edge } = deviceOnDisk('from');
    const { disk, node: to } = deviceOnDisk('to');
    const drainage = drain(from);
    await settle();
    edge.redirect(to);
    write(edge);
    await settle();
    expect(disk.calls.length).toBe(0);
    drainage.end();
    await settle();
    expect([old.calls.length, disk.calls.length]).toEqual([0, 1]);
  });

  it('an edge may come back, or be closed, and is let go as often as it was held', async () => {
    const { disk, node, edge } = deviceOnDisk();
    const { node: other } = deviceOnDisk('other');
    const leaving = new BlockEdge(node, { name: 'leaving' });
    const drainage = drain(node);
    await settle();
    edge.redirect(other);
    edge.redirect(node);
    leaving.close();
    write(edge);
    drainage.end();
    await settle();
    expect([disk.calls.length, drainage.request.state]).toEqual([1, 'done']);
  });

  it('the parents of a filter that comes to the node are held', async () => {
    const { disk, node } = deviceOnDisk();
    const drainage = drain(node);
    await settle();
    const filter = filterOver(node, 'filter');
    const device = new BlockEdge(filter.node, { name: 'guest' });
    const request = write(device);
    await settle();
    expect([disk.calls.length, filter.node.inFlight]).toEqual([0, 0]);
    drainage.end();
    await settle();
    disk.gate.next().complete();
    await settle();
    expect(request.state).toBe('done');
  });

  it('a node that is opened on the drained one does not keep an inner drain waiting', async () => {
    const { disk, node } = deviceOnDisk();
    const outer = drain(node);
    await settle();
    const filter = filterOver(node, 'filter');
    const request = write(new BlockEdge(filter.node, { name: 'guest' }));
    await settle();
    const inner = drain(node);
    await settle();
    expect(inner.isDrained).toBe(true);
    inner.end();
    outer.end();
    await settle();
    disk.gate.next().complete();
    await settle();
    expect(request.state).toBe('done');
  });
});

describe('after a drain', () => {
  it('nothing of it is left on the nodes or edges', async () => {
    const { disk, node, edge } = deviceOnDisk();
    const filter = filterOver(node, 'filter');
    const drainage = drain(node);
    await settle();
    drainage.end();
    await settle();
    expect([node.drains.size, filter.node.drains.size]).toEqual([0, 0]);
    expect(() => edge.letGo()).toThrow('Assertion failed');
    write(edge);
    expect(disk.calls.length).toBe(1);
  });
});
