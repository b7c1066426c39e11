import { describe, expect, it } from 'vitest';
import { BlockEdge } from '../../src/block/edge.ts';
import { BlockGraph } from '../../src/block/graph.ts';
import type { Permission } from '../../src/block/parent.ts';
import { drivers } from '../../src/drivers/index.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { filters } from '../../src/filters/index.ts';
import { passThrough } from '../../src/filters/pass-through.ts';
import { wholeOf } from '../../src/wire/qapi/type.ts';
import { settle } from '../support/settle.ts';

const KiB = 1024;

const disk = (name: string, more: object = {}) => ({
  driver: 'null-co',
  'node-name': name,
  size: 64 * KiB,
  ...more,
});
const raw = (name: string, file: unknown, more: object = {}) => ({
  driver: 'raw',
  'node-name': name,
  file,
  ...more,
});

/** A graph with these nodes. */
async function open(...nodes: Parameters<BlockGraph['reopen']>[0]): Promise<BlockGraph> {
  const graph = new BlockGraph(nodeEnv(), { ...drivers, ...filters });
  for (const options of nodes) await graph.open(options);
  return graph;
}

/** Somebody who stands on a node and does these things. */
function user(graph: BlockGraph, name: string, ...needs: Permission[]): BlockEdge {
  return new BlockEdge(graph.find(name), { name: 'user', kind: 'device', needs });
}

describe('reopen()', () => {
  it('gives a node what is given, and what is usual for the rest', async () => {
    const graph = await open(disk('a', { 'detect-zeroes': 'on', cache: { direct: true } }));
    const { options } = graph.find('a');
    expect(options).toMatchObject({ detectZeroes: 'on', cache: { direct: true, noFlush: false } });
    await graph.reopen([disk('a', { 'read-only': true, cache: { 'no-flush': true } })]);
    expect(graph.find('a').options).toMatchObject({
      readOnly: true,
      detectZeroes: 'off',
      cache: { direct: false, noFlush: true },
    });
  });

  it('keeps discards as they are where nothing is said of them', async () => {
    const graph = await open(disk('a', { discard: 'unmap' }));
    await graph.reopen([disk('a', { 'detect-zeroes': 'unmap' })]);
    expect(graph.find('a').options).toMatchObject({ unmap: true, detectZeroes: 'unmap' });
    await graph.reopen([disk('a', { discard: 'ignore' })]);
    expect(graph.find('a').options.unmap).toBe(false);
  });

  it.each([
    ["Failed to find node with node-name='x'", disk('x')],
    ['node-name not specified', disk('a', { 'node-name': undefined })],
    ["Cannot change the option 'driver'", disk('a', { driver: 'null-aio' })],
    ["Cannot change the option 'size'", disk('a', { size: 512 })],
    ["Cannot change the option 'latency-ns'", disk('a', { 'latency-ns': 0 })],
    ["Option 'size' cannot be reset to its default value", disk('a', { size: undefined })],
    ['setting detect-zeroes to unmap is not allowed', disk('a', { 'detect-zeroes': 'unmap' })],
    ["Cannot find device='' nor node-name='x'", raw('r', 'x')],
    ["Making 'top' a file child of 'r' would create a cycle", raw('r', 'top')],
    ["Cannot change the option 'file.driver'", raw('r', disk('a'))],
    ["Block format 'copy-on-read' used by node 'c' does not", { ...raw('c', 'a'), driver: COR }],
  ])('refuses what cannot be: %s', async (reason, options) => {
    const nodes = [disk('a'), raw('r', 'a'), raw('top', 'r'), { ...raw('c', 'a'), driver: COR }];
    const graph = await open(...nodes);
    await expect(graph.reopen([options])).rejects.toThrow(reason);
  });

  it('changes all of them or none', async () => {
    const graph = await open(disk('a'), disk('b'), raw('r', 'a'));
    const wanted = [disk('a', { 'read-only': true }), raw('r', 'b', { size: 512 }), disk('x')];
    for (const third of [disk('x'), disk('b', { size: 512 })]) {
      await expect(graph.reopen([...wanted.slice(0, 2), third])).rejects.toThrow();
      expect(graph.find('a').options.readOnly).toBe(false);
      expect(graph.find('r').children).toEqual([graph.find('a')]);
      expect(graph.find('r').size).toBe(64 * KiB);
    }
    await graph.reopen(wanted.slice(0, 2));
    expect(graph.find('a').options.readOnly).toBe(true);
    expect(graph.find('r').children).toEqual([graph.find('b')]);
    expect(graph.find('r').size).toBe(512);
  });

  it('takes what is given last for a node that is named twice', async () => {
    const graph = await open(disk('a'));
    await graph.reopen([disk('a', { 'detect-zeroes': 'on' }), disk('a', { 'read-only': true })]);
    expect(graph.find('a').options).toMatchObject({ detectZeroes: 'on', readOnly: true });
    await graph.reopen([
      disk('a', { 'detect-zeroes': 'on' }),
      disk('a', { 'detect-zeroes': 'off' }),
    ]);
    expect(graph.find('a').options).toMatchObject({ detectZeroes: 'off', readOnly: false });
  });
});

const COR = 'copy-on-read';

describe('reopen() of a node with a child of its own', () => {
  it('reopens that with it, which has its say and then what the parent says', async () => {
    const graph = await open(raw('r', disk('a', { 'detect-zeroes': 'on' })));
    await graph.reopen([raw('r', 'a', { 'read-only': true, cache: { direct: true } })]);
    expect(graph.find('a').options).toMatchObject({
      readOnly: true,
      detectZeroes: 'on',
      cache: { direct: true },
    });
    await graph.reopen([raw('r', disk('a', { 'read-only': false }), { 'read-only': true })]);
    expect(graph.find('r').options.readOnly).toBe(true);
    expect(graph.find('a').options).toMatchObject({ readOnly: false, detectZeroes: 'off' });
  });

  it('leaves it as it was where neither says anything, if it is only named', async () => {
    const cached = { cache: { direct: true, 'no-flush': true } };
    const graph = await open(raw('r', disk('a'), { 'read-only': true, ...cached }));
    await graph.reopen([raw('r', 'a')]);
    expect(graph.find('r').options.readOnly).toBe(false);
    expect(graph.find('a').options).toMatchObject({
      readOnly: true,
      cache: { direct: true, noFlush: true },
    });
  });

  it('compares what a command line has given with what is given otherwise', async () => {
    const graph = await open(disk('a'));
    const rule = { event: 'read_aio', once: 'on', errno: '5' };
    const faulty = { driver: 'blkdebug', 'node-name': 'f', image: 'a' };
    const given = { ...faulty, 'inject-error': [rule] };
    await graph.openChecked(graph.optionsType.read(given, wholeOf('keyval')));
    const same = { ...faulty, 'inject-error': [{ event: 'read_aio', once: true, errno: 5 }] };
    await graph.reopen([same]);
    const other = { ...faulty, 'inject-error': [{ event: 'read_aio', once: true, errno: 28 }] };
    const path = 'inject-error.0.errno';
    await expect(graph.reopen([other])).rejects.toThrow(`Cannot change the option '${path}'`);
  });

  it('needs not be told the name of it', async () => {
    const graph = await open(raw('r', disk('a')));
    const { 'node-name': _name, ...nameless } = disk('a', { 'read-only': true });
    await graph.reopen([raw('r', nameless)]);
    expect(graph.find('a').options.readOnly).toBe(true);
  });

  it('does not touch one that was there before', async () => {
    const graph = await open(disk('a'), raw('r', 'a'));
    await graph.reopen([raw('r', 'a', { 'read-only': true })]);
    expect(graph.find('a').options.readOnly).toBe(false);
  });

  it('closes it when another takes its place, unless somebody else stands on it', async () => {
    const graph = await open(disk('b'), raw('r', disk('a')), raw('other', 'a'));
    await graph.reopen([raw('r', 'b')]);
    await graph.reopen([raw('r', 'a')]);
    await graph.close(graph.find('other'));
    await graph.reopen([raw('r', 'b')]);
    expect(graph.nodes.map(({ name }) => name)).toEqual(['b', 'r']);
  });
});

describe('reopen() of a node in use', () => {
  it('waits for what is in flight, and holds up what comes', async () => {
    const graph = await open(disk('a', { 'latency-ns': 1 }), raw('r', 'a'), disk('b'));
    const edge = user(graph, 'r', 'write');
    const first = edge.write(0, new Uint8Array(512));
    const node = graph.find('r');
    const reopened = graph.reopen([raw('r', 'b')]);
    const second = edge.write(0, new Uint8Array(512));
    await settle();
    expect(node.inFlight).toBe(1);
    expect(node.children).toEqual([graph.find('a')]);
    await Promise.all([first, reopened]);
    expect(node.children).toEqual([graph.find('b')]);
    await second;
  });

  it('leaves one writable that is written to, and tells the first below its users', async () => {
    const graph = await open(disk('a'), raw('r', 'a'));
    user(graph, 'r', 'write');
    const reading = { 'read-only': true };
    const refused = (name: string) => `Read-only block node '${name}' cannot support`;
    await expect(graph.reopen([disk('a', reading)])).rejects.toThrow(refused('a'));
    const both = [disk('a', reading), raw('r', 'a', reading)];
    await expect(graph.reopen(both)).rejects.toThrow(refused('r'));
    await expect(graph.reopen(both)).rejects.toMatchObject({ code: 'EPERM' });
    expect([graph.find('a'), graph.find('r')].map(({ options }) => options.readOnly)).toEqual([
      false,
      false,
    ]);
  });

  it('puts nobody who writes onto a read-only node, unless that changes as well', async () => {
    const graph = await open(disk('a'), disk('b', { 'read-only': true }), raw('r', 'a'));
    user(graph, 'r', 'write-unchanged');
    await expect(graph.reopen([raw('r', 'b')])).rejects.toThrow('Block node is read-only');
    expect(graph.find('r').children).toEqual([graph.find('a')]);
    await graph.reopen([raw('r', 'b'), disk('b')]);
    expect(graph.find('r').children).toEqual([graph.find('b')]);
  });

  it('exchanges the disks of two that exclude each other', async () => {
    const graph = await open(disk('a'), disk('b'), raw('r', 'a'), raw('s', 'b'));
    for (const name of ['r', 's']) {
      const use = { needs: ['write'], shares: ['consistent-read'] } as const;
      new BlockEdge(graph.find(name), { name: 'user', kind: 'device', ...use });
    }
    await expect(graph.reopen([raw('r', 'b')])).rejects.toMatchObject({ code: 'EBUSY' });
    await graph.reopen([raw('r', 'b'), raw('s', 'a')]);
    expect(graph.find('r').children).toEqual([graph.find('b')]);
    expect(graph.find('s').children).toEqual([graph.find('a')]);
  });

  it('leaves the filter of a job between a node and its child', async () => {
    const faulty = { driver: 'blkdebug', 'node-name': 'f', image: 'a' };
    const graph = await open(disk('a'), disk('b'), raw('r', 'a'), faulty);
    const filter = await graph.insertFilter(graph.find('a'), { driver: 'job' }, passThrough);
    await graph.reopen([raw('r', 'a', { 'read-only': true }), faulty]);
    expect(graph.find('r').children).toEqual([filter]);
    expect(graph.find('f').children).toEqual([filter]);
    const replaced = graph.reopen([raw('r', 'b')]);
    await expect(replaced).rejects.toThrow('Cannot replace implicit file child of r');
  });

  it('keeps the size that somebody relies on', async () => {
    const graph = await open(disk('a'), raw('r', 'a'));
    const edge = new BlockEdge(graph.find('r'), { name: 'job', kind: 'job', shares: ['write'] });
    const half = raw('r', 'a', { size: 32 * KiB });
    await expect(graph.reopen([half])).rejects.toThrow("permissions 'resize' are both required");
    edge.close();
    await graph.reopen([half]);
    expect(graph.find('r').size).toBe(32 * KiB);
  });

  it('fails when what was written before cannot be made durable', async () => {
    const faulty = { driver: 'blkdebug', 'node-name': 'f', image: 'a' };
    const rules = [{ event: 'flush_to_disk', iotype: 'flush', immediately: false }];
    const graph = await open(disk('a'), { ...faulty, 'inject-error': rules });
    const options = { ...faulty, 'inject-error': rules, 'read-only': true };
    await expect(graph.reopen([options])).rejects.toThrow('Error flushing drive');
    expect(graph.find('f').options.readOnly).toBe(false);
  });
});

describe('reopen() of what is behind a disk', () => {
  const memory = (name: string, more: object = {}) => ({
    driver: 'memory',
    'node-name': name,
    size: 64 * KiB,
    ...more,
  });

  it('puts another behind it, or none, or the first one', async () => {
    const graph = await open(memory('base'), memory('other'), memory('top', { backing: 'base' }));
    const top = graph.find('top');
    await graph.reopen([memory('top', { backing: 'other' })]);
    expect(top.backing).toBe(graph.find('other'));
    await graph.reopen([memory('top', { backing: null })]);
    expect([top.backing, top.children]).toEqual([undefined, []]);
    await graph.reopen([memory('top')]);
    await graph.reopen([memory('top', { backing: 'base' })]);
    expect(top.backing).toBe(graph.find('base'));
  });

  it('leaves one that was opened inside its options read-only', async () => {
    const graph = await open(memory('top', { backing: memory('base') }));
    const writable = { 'read-only': false, 'auto-read-only': true };
    await graph.reopen([memory('top', { ...writable, backing: memory('base') })]);
    const { options } = graph.find('base');
    expect(options).toMatchObject({ readOnly: true, autoReadOnly: false });
  });

  it('must be told what becomes of it', async () => {
    const graph = await open(memory('base'), memory('top', { backing: 'base' }));
    await expect(graph.reopen([memory('top')])).rejects.toThrow("backing is missing for 'top'");
  });

  it('is as it was when that fails', async () => {
    const graph = await open(memory('base'), memory('bare'), memory('top', { backing: 'base' }));
    const wanted = [memory('top', { backing: null }), memory('bare', { backing: 'base' })];
    await expect(graph.reopen([...wanted, memory('base', { size: 1 })])).rejects.toThrow("'size'");
    expect(graph.find('top').backing).toBe(graph.find('base'));
    expect(graph.find('bare').backing).toBe(undefined);
    await graph.reopen(wanted);
    expect(graph.find('top').backing).toBe(undefined);
    expect(graph.find('bare').backing).toBe(graph.find('base'));
  });
});
