import { describe, expect, it } from 'vitest';
import { ByNode } from '../../src/filters/by-node.ts';
import { filterOver, nodeOf, TestDisk } from '../support/drivers.ts';

describe('what a filter can do, by its node', () => {
  it('is found from the node that holds the edge, and from no other', () => {
    const controls = new ByNode<{ readonly name: string }>();
    const disk = nodeOf(new TestDisk({ size: 512 }));
    const one = filterOver(disk, 'one');
    const other = filterOver(disk, 'other');
    controls.add(one.edge, { name: 'one' });
    controls.add(other.edge, { name: 'other' });
    expect(controls.find(one.node)?.name).toBe('one');
    expect(controls.find(other.node)?.name).toBe('other');
    expect(controls.find(disk)).toBeUndefined();
    expect(controls.find(filterOver(one.node, 'third').node)).toBeUndefined();
  });
});
