import { afterEach, describe, expect, it } from 'vitest';
import { BlockEdge } from '../../../src/block/edge.ts';
import type { BlockNode } from '../../../src/block/node.ts';
import { passThrough } from '../../../src/filters/pass-through.ts';
import {
  checkEnds,
  checkFree,
  checkReplaced,
  sizesDiffer,
} from '../../../src/jobs/mirror/checks.ts';
import { filterOver, nodeOf, TestDisk } from '../../support/drivers.ts';
import { LayerGraph } from '../../support/layers.ts';

const SIZE = 64 * 1024;
const layers = new LayerGraph();

afterEach(() => layers.graph.closeAll());

function disk(name: string, size = SIZE): BlockNode {
  return nodeOf(new TestDisk({ size }), { name });
}

/** A disk called "top" over one called "base". */
async function chain() {
  const base = { driver: 'memory', 'node-name': 'base', size: SIZE };
  const top = { driver: 'memory', 'node-name': 'top', size: SIZE, backing: base };
  return { top: await layers.graph.open(top), base: layers.graph.find('base') };
}

describe('a disk', () => {
  it('is mirrored to another one', () => {
    expect(() => checkEnds({ source: disk('a'), target: disk('b') })).not.toThrow();
  });

  it('is not mirrored to itself', () => {
    const source = disk('a');
    expect(() => checkEnds({ source, target: source })).toThrow("Can't mirror node into itself");
  });

  it('is not mirrored to itself by way of filters, on whichever side they are', () => {
    const below = disk('a');
    const once = filterOver(below, 'once').node;
    const twice = filterOver(once, 'twice').node;
    const other = filterOver(below, 'other').node;
    for (const [source, target] of [
      [below, twice],
      [twice, below],
      [once, twice],
      [twice, other],
    ] as const) {
      expect(() => checkEnds({ source, target })).toThrow("Can't mirror node into itself");
    }
  });

  it('is not mirrored to what is in its backing chain', async () => {
    const { top, base } = await chain();
    expect(() => checkEnds({ source: top, target: base })).toThrow(
      "Cannot mirror 'top' to 'base': it is in the source's backing chain",
    );
    const filter = filterOver(base, 'filter');
    expect(() => checkEnds({ source: top, target: filter.node })).toThrow(
      "Cannot mirror to a filter on top of a node in the source's backing chain",
    );
    filter.edge.close();
  });

  it('is not mirrored to a disk that is based on it', async () => {
    const { top, base } = await chain();
    expect(() => checkEnds({ source: base, target: top })).toThrow(
      "Cannot mirror 'base' to 'top', which is based on it",
    );
  });

  it.each(['source', 'target'] as const)('that a job uses is no %s of another', (side) => {
    const ends = { source: disk('a'), target: disk('b') };
    const edge = new BlockEdge(ends[side], { name: 'job7', kind: 'job' });
    const reason = 'is busy: block device is in use by block job: mirror';
    expect(() => checkFree(ends)).toThrow(`Node '${ends[side].name}' ${reason}`);
    expect(() => checkFree(ends)).toThrow(expect.objectContaining({ code: 'EBUSY' }));
    edge.close();
    expect(() => checkFree(ends)).not.toThrow();
  });
});

describe('what is replaced', () => {
  const target = disk('target');

  it('may be the source, or a filter over it, or one over that, or what it filters', () => {
    const source = disk('a');
    const once = filterOver(source, 'once').node;
    const twice = filterOver(once, 'twice').node;
    for (const replaced of [source, once, twice]) {
      expect(() => checkReplaced(replaced, { source, target })).not.toThrow();
    }
    expect(() => checkReplaced(source, { source: twice, target })).not.toThrow();
  });

  it('has the size of the source', () => {
    const source = disk('a');
    const edge = new BlockEdge(source, { name: 'larger' });
    const larger = nodeOf(passThrough(edge, { size: () => SIZE + 512 }), { name: 'larger' });
    const reason = 'cannot replace image with a mirror image of different size';
    expect(() => checkReplaced(larger, { source, target })).toThrow(reason);
  });

  it('is not what another job is at work on', () => {
    const source = disk('a');
    const over = filterOver(source, 'over').node;
    const edge = new BlockEdge(over, { name: 'job7', kind: 'job' });
    const reason = "Node 'over' is busy: block device is in use by block job: mirror";
    expect(() => checkReplaced(over, { source, target })).toThrow(reason);
    edge.close();
  });

  it('shows the bytes of the source for certain', async () => {
    const { top, base } = await chain();
    const reason = 'it cannot be guaranteed that doing so would not lead to an abrupt change of';
    const names = "Cannot replace 'top' by a node mirrored from 'base', because";
    expect(() => checkReplaced(top, { source: base, target })).toThrow(`${names} ${reason}`);
    expect(() => checkReplaced(disk('b'), { source: base, target })).toThrow(reason);
  });
});

describe('sizes that differ', () => {
  it('are told in the words of QEMU, with both of them', () => {
    const error = sizesDiffer({ source: disk('a', 512), target: disk('b', 1024) });
    expect(error.code).toBe('EINVAL');
    expect(error.message).toContain('Source and target image have different sizes: 512 and 1024');
  });
});
