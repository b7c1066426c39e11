import { describe, expect, it } from 'vitest';
import { drained } from '../../src/block/drain.ts';
import { BlockEdge } from '../../src/block/edge.ts';
import type { BlockNode } from '../../src/block/node.ts';
import { PassThrough, pattern } from '../support/drivers.ts';
import { TestGraph } from '../support/graph.ts';
import { settle, watch } from '../support/settle.ts';

const DISK = { driver: 'array', size: 1024 } as const;

/** A disk with a guest and a job on it; what reaches the disk waits for the test. */
async function guestOnDisk(options: object = {}) {
  const test = new TestGraph();
  const node = await test.graph.open({ ...DISK, 'node-name': 'disk', ...options });
  const disk = test.disk('disk');
  disk.gate.mode = 'held';
  const guest = new BlockEdge(node, { name: 'guest' });
  return { test, graph: test.graph, node, disk, guest };
}

function insert(test: TestGraph, node: BlockNode, name: string): Promise<BlockNode> {
  const options = { name, driver: 'filter' };
  return test.graph.insertFilter(node, options, (child) => new PassThrough(child));
}

/** The names of the nodes from an edge down. */
function path(edge: BlockEdge): readonly string[] {
  const names: string[] = [];
  for (let node: BlockNode | undefined = edge.node; node; node = node.children[0]) {
    names.push(node.name);
  }
  return names;
}

describe('insertFilter()', () => {
  it('comes between a node and all its parents but jobs', async () => {
    const { test, graph, node, guest } = await guestOnDisk();
    const above = await graph.open({ driver: 'over', 'node-name': 'above', file: 'disk' });
    const other = new BlockEdge(above, { name: 'other' });
    const job = new BlockEdge(node, { name: 'job', stays: true });
    const filter = await insert(test, node, 'filter');
    expect(graph.find('filter')).toBe(filter);
    expect([path(guest), path(other), path(job)]).toEqual([
      ['filter', 'disk'],
      ['above', 'filter', 'disk'],
      ['disk'],
    ]);
  });

  it('waits for what is in flight; what comes meanwhile goes through the filter', async () => {
    const { test, node, disk, guest } = await guestOnDisk();
    const before = watch(() => guest.write(0, pattern(8)));
    let filter: PassThrough | undefined;
    const wrap = (child: BlockEdge) => {
      filter = new PassThrough(child);
      filter.gate.mode = 'held';
      return filter;
    };
    const options = { name: 'filter', driver: 'filter' };
    const inserting = watch(() => test.graph.insertFilter(node, options, wrap));
    watch(() => guest.write(8, pattern(8)));
    await settle();
    expect([inserting.state, disk.gate.held.length]).toEqual(['pending', 1]);
    disk.gate.next().complete();
    await settle();
    expect([before.state, inserting.state]).toEqual(['done', 'done']);
    expect([filter?.gate.next().offset, disk.gate.held.length]).toEqual([8, 0]);
  });

  it('takes on what the node is, but leaves it to look for zeroes', async () => {
    const { test, node } = await guestOnDisk({
      discard: 'unmap',
      'read-only': true,
      'detect-zeroes': 'unmap',
    });
    const filter = await insert(test, node, 'filter');
    expect(filter.size).toBe(1024);
    expect(filter.options).toEqual({
      name: 'filter',
      driver: 'filter',
      implicit: false,
      readOnly: true,
      autoReadOnly: false,
      unmap: true,
      detectZeroes: 'off',
      cache: { direct: false, noFlush: false },
    });
    expect(node.options.detectZeroes).toBe('unmap');
  });

  it('refuses a name that is taken or no name, also one being taken just now', async () => {
    const { test, node, disk, guest } = await guestOnDisk();
    await expect(insert(test, node, 'disk')).rejects.toThrow('Duplicate nodes');
    await expect(insert(test, node, '#1')).rejects.toThrow('Invalid node-name');
    watch(() => guest.flush());
    const inserting = watch(() => insert(test, node, 'filter'));
    await expect(insert(test, node, 'filter')).rejects.toThrow('Duplicate nodes');
    disk.gate.next().complete();
    await settle();
    expect([inserting.state, path(guest)]).toEqual(['done', ['filter', 'disk']]);
  });

  it('leaves nothing behind when its driver cannot be made', async () => {
    const { test, graph, node, guest } = await guestOnDisk();
    const failing = graph.insertFilter(node, { name: 'filter', driver: 'filter' }, () => {
      throw new Error('no filter');
    });
    await expect(failing).rejects.toThrow('no filter');
    expect([path(guest), [...node.parents]]).toEqual([['disk'], [guest]]);
    await insert(test, node, 'filter');
  });

  it('puts in every filter of those that come at once, on a busy disk', async () => {
    const { test, node, disk, guest } = await guestOnDisk();
    watch(() => guest.flush());
    const inserting = ['a', 'b', 'c'].map((name) => watch(() => insert(test, node, name)));
    await settle();
    disk.gate.next().complete();
    await settle();
    expect(inserting.map(({ state }) => state)).toEqual(['done', 'done', 'done']);
    expect([...path(guest)].sort()).toEqual(['a', 'b', 'c', 'disk']);
    expect(path(guest).at(-1)).toBe('disk');
  });

  it('is not to be found, and so not closed, before it is in place', async () => {
    const { test, graph, node, disk, guest } = await guestOnDisk();
    watch(() => guest.flush());
    const inserting = watch(() => insert(test, node, 'filter'));
    expect(() => graph.find('filter')).toThrow('Failed to find node');
    const closing = graph.closeAll();
    await settle();
    disk.gate.next().complete();
    await closing;
    await settle();
    expect([inserting.state, path(guest)]).toEqual(['done', ['filter', 'disk']]);
  });

  it('may be inserted within a drain, after which requests go through it', async () => {
    const { test, node, disk, guest } = await guestOnDisk();
    const write = watch(() =>
      drained(node, async () => {
        watch(() => guest.write(0, pattern(8)));
        const filter = await insert(test, node, 'filter');
        const late = new BlockEdge(filter, { name: 'late' });
        watch(() => late.write(8, pattern(8)));
        await drained(node, () => expect(disk.calls.length).toBe(0));
      }),
    );
    await settle();
    expect([write.state, disk.operations]).toEqual(['done', ['write', 'write']]);
  });
});

describe('removeFilter()', () => {
  it('gives its parents back to the node below, and closes', async () => {
    const { test, graph, node, disk, guest } = await guestOnDisk();
    const filter = await insert(test, node, 'filter');
    const before = watch(() => guest.write(0, pattern(8)));
    await settle();
    const removing = watch(() => graph.removeFilter(filter));
    const after = watch(() => guest.write(8, pattern(8)));
    await settle();
    expect([removing.state, disk.gate.held.length]).toEqual(['pending', 1]);
    disk.gate.next().complete();
    await settle();
    expect([before.state, removing.state, path(guest)]).toEqual(['done', 'done', ['disk']]);
    expect(() => graph.find('filter')).toThrow('Failed to find node');
    expect([...node.parents]).toEqual([guest]);
    disk.gate.next().complete();
    await settle();
    expect(after.state).toBe('done');
  });

  it('takes out every filter of those that go at once, on a busy disk', async () => {
    for (const order of [
      ['a', 'b', 'c'],
      ['c', 'b', 'a'],
      ['b', 'c', 'a'],
    ]) {
      const { test, graph, node, disk, guest } = await guestOnDisk();
      for (const name of ['a', 'b', 'c']) await insert(test, node, name);
      const write = watch(() => guest.write(0, pattern(8)));
      await settle();
      const removing = order.map((name) => watch(() => graph.removeFilter(graph.find(name))));
      await settle();
      disk.gate.next().complete();
      await settle();
      expect(removing.map(({ state }) => state)).toEqual(['done', 'done', 'done']);
      expect([write.state, path(guest), graph.nodes.length]).toEqual(['done', ['disk'], 1]);
    }
  });

  it('is refused while a job stands on the filter, and changes nothing then', async () => {
    const { test, graph, node, guest } = await guestOnDisk();
    const filter = await insert(test, node, 'filter');
    const job = new BlockEdge(filter, { name: 'job', stays: true });
    await expect(graph.removeFilter(filter)).rejects.toMatchObject({ code: 'EBUSY' });
    expect(path(guest)).toEqual(['filter', 'disk']);
    job.close();
    await graph.removeFilter(filter);
    expect(path(guest)).toEqual(['disk']);
  });

  it('leaves nothing to build upon: who wanted to is told that the filter is gone', async () => {
    const { test, graph, node, disk, guest } = await guestOnDisk();
    const filter = await insert(test, node, 'filter');
    const write = watch(() => guest.write(0, pattern(8)));
    await settle();
    const removing = watch(() => graph.removeFilter(filter));
    const late = [
      watch(() => insert(test, filter, 'another')),
      watch(() => graph.replace(node, filter)),
      watch(() => graph.replace(filter, node)),
      watch(() => graph.removeFilter(filter)),
    ];
    await settle();
    disk.gate.next().complete();
    await settle();
    expect([write.state, removing.state, path(guest)]).toEqual(['done', 'done', ['disk']]);
    const gone = { state: 'failed', error: { code: 'ENODEV' } };
    expect(late).toMatchObject([gone, gone, gone, gone]);
    expect(graph.nodes).toEqual([node]);
  });

  it('lets no guest go on before the filter has closed, for it may be a cache', async () => {
    const { test, graph, node, guest } = await guestOnDisk();
    await graph.open({ driver: 'over', 'node-name': 'filter', file: 'disk' });
    const filter = graph.find('filter');
    await graph.replace(node, filter);
    test.beforeClose = () => new Promise(() => {});
    const removing = watch(() => graph.removeFilter(filter));
    await settle();
    test.disk('disk').gate.mode = 'sync';
    const write = watch(() => guest.write(0, pattern(8)));
    await settle();
    expect([removing.state, write.state]).toEqual(['pending', 'pending']);
  });

  it('is wrong for what stands on nothing', async () => {
    const { graph, node } = await guestOnDisk();
    await expect(graph.removeFilter(node)).rejects.toThrow(TypeError);
  });
});

describe('replace()', () => {
  async function twoDisks() {
    const { test, graph, node: from, disk: old, guest } = await guestOnDisk();
    const to = await graph.open({ ...DISK, 'node-name': 'target' });
    const disk = test.disk('target');
    disk.gate.mode = 'held';
    return { test, graph, from, old, to, disk, guest };
  }

  it('lets requests in flight end on the old disk and sends the held ones to the new', async () => {
    const { graph, from, old, to, disk, guest } = await twoDisks();
    const before = watch(() => guest.write(0, pattern(8)));
    const replacing = watch(() => graph.replace(from, to));
    const after = watch(() => guest.write(8, pattern(8)));
    await settle();
    old.gate.next().complete();
    await settle();
    expect([before.state, replacing.state, path(guest)]).toEqual(['done', 'done', ['target']]);
    expect([old.calls.length, disk.gate.next().offset]).toEqual([1, 8]);
    disk.gate.next().complete();
    await settle();
    expect(after.state).toBe('done');
  });

  it('waits for what is in flight on the new disk, too', async () => {
    const { graph, from, to, disk, guest } = await twoDisks();
    const job = new BlockEdge(to, { name: 'job', stays: true });
    watch(() => job.write(0, pattern(8)));
    const replacing = watch(() => graph.replace(from, to));
    await settle();
    expect([replacing.state, path(guest)]).toEqual(['pending', ['disk']]);
    disk.gate.next().complete();
    await settle();
    expect([replacing.state, path(guest)]).toEqual(['done', ['target']]);
  });

  it('moves none where one of them and a parent of the new disk exclude each other', async () => {
    const { graph, from, to, guest } = await twoDisks();
    const writer = new BlockEdge(from, { name: 'writer', needs: ['write'] });
    const keeper = new BlockEdge(to, { name: 'keeper', shares: ['consistent-read'] });
    await expect(graph.replace(from, to)).rejects.toMatchObject({ code: 'EBUSY' });
    expect([path(guest), path(writer), path(keeper)]).toEqual([['disk'], ['disk'], ['target']]);
    expect([...from.parents].map(({ parent }) => parent.name).sort()).toEqual(['guest', 'writer']);
    keeper.close();
    await graph.replace(from, to);
    expect([path(guest), path(writer)]).toEqual([['target'], ['target']]);
  });

  it('leaves jobs where they are, and moves nodes with what stands on them', async () => {
    const { graph, from, to, guest } = await twoDisks();
    const above = await graph.open({ driver: 'over', 'node-name': 'above', file: 'disk' });
    const other = new BlockEdge(above, { name: 'other' });
    const job = new BlockEdge(from, { name: 'job', stays: true });
    await graph.replace(from, to);
    expect([path(guest), path(other), path(job)]).toEqual([
      ['target'],
      ['above', 'target'],
      ['disk'],
    ]);
    expect([...from.parents]).toEqual([job]);
  });

  it('does not turn a node that stands on the old one upon itself', async () => {
    const { graph, from, guest } = await twoDisks();
    const middle = await graph.open({ driver: 'over', 'node-name': 'middle', file: 'disk' });
    const top = await graph.open({ driver: 'over', 'node-name': 'top', file: 'middle' });
    await graph.replace(from, top);
    expect(path(guest)).toEqual(['top', 'middle', 'disk']);
    expect([...middle.parents].map(({ owner }) => owner)).toEqual([top]);
  });

  it('carries along, within a drain, what its body copies meanwhile', async () => {
    const { graph, from, old, to, disk, guest } = await twoDisks();
    const before = watch(() => guest.write(0, pattern(8, 1)));
    const pivot = watch(() =>
      drained(from, async () => {
        disk.bytes.set(old.bytes);
        await settle();
        await graph.replace(from, to);
        await settle();
      }),
    );
    const after = watch(() => guest.write(8, pattern(8, 2)));
    old.gate.next().complete();
    for (let turn = 0; turn < 4; turn += 1) await settle();
    disk.gate.next().complete();
    await settle();
    expect([before.state, pivot.state, after.state]).toEqual(['done', 'done', 'done']);
    expect(disk.bytes.subarray(0, 16)).toEqual(
      new Uint8Array([...pattern(8, 1), ...pattern(8, 2)]),
    );
    expect(old.bytes.subarray(8, 16)).toEqual(new Uint8Array(8));
  });
});
