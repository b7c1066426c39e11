import { describe, expect, it } from 'vitest';
import { BlockEdge } from '../../src/block/edge.ts';
import type { EdgeParent, Permission } from '../../src/block/parent.ts';
import { demandResizable, useOf } from '../../src/block/permissions.ts';
import { filterOver, nodeOf, TestDisk } from '../support/drivers.ts';

const NOT_WRITE: readonly Permission[] = ['consistent-read', 'write-unchanged', 'resize'];

function disk() {
  return nodeOf(new TestDisk({ size: 4096 }), { name: 'disk' });
}

function user(more: Partial<EdgeParent> = {}): EdgeParent {
  return { name: 'user', kind: 'export', ...more };
}

describe('parents of a node', () => {
  it('exclude each other when one needs what the other does not share', () => {
    const node = disk();
    const alone = new BlockEdge(node, user({ kind: 'device', name: 'vda', shares: NOT_WRITE }));
    const writer = user({ needs: ['consistent-read', 'write'] });
    expect(() => new BlockEdge(node, writer)).toThrow(
      "Permission conflict on node 'disk': permissions 'write' are both required by" +
        " an unnamed block device (uses node 'disk' as 'root' child) and unshared by" +
        " block device 'vda' (uses node 'disk' as 'root' child).",
    );
    expect(node.parents).toEqual(new Set([alone]));
    expect(() => new BlockEdge(node, user({ needs: ['consistent-read'] }))).not.toThrow();
  });

  it('that exclude each other both ways: the newcomer is told of as the one that minds', () => {
    const node = disk();
    const writer = { kind: 'device', needs: ['write'], shares: NOT_WRITE } as const;
    new BlockEdge(node, user({ ...writer, name: 'old' }));
    expect(() => new BlockEdge(node, user({ ...writer, name: 'new' }))).toThrow(
      /required by block device 'old' .* unshared by block device 'new'/,
    );
  });

  it('are named by what they are, and what the node is to them', () => {
    const node = disk();
    new BlockEdge(node, user({ kind: 'job', name: 'job', role: 'source', shares: [] }));
    const writer = user({ kind: 'job', name: 'second', needs: ['write', 'resize'] });
    expect(() => new BlockEdge(node, writer)).toThrow(
      "permissions 'write, resize' are both required by an unnamed block device" +
        " (uses node 'disk' as 'root' child) and unshared by mirror job 'job'" +
        " (uses node 'disk' as 'source' child).",
    );
  });
});

describe('a node', () => {
  it('does below what is done with it, and minds there what its parents mind', () => {
    const node = disk();
    const { node: over, edge } = filterOver(node, 'over');
    expect(useOf(edge)).toMatchObject({ needs: [], shares: { length: 4 } });
    new BlockEdge(over, user({ needs: ['write'], shares: NOT_WRITE }));
    expect(useOf(edge)).toEqual({ needs: ['write'], shares: NOT_WRITE });
    expect(() => new BlockEdge(node, user({ needs: ['write'] }))).toThrow(
      "unshared by node 'over' (uses node 'disk' as 'root' child)",
    );
  });

  it('lets nobody come to it who is excluded further down', () => {
    const node = disk();
    const { node: over } = filterOver(node, 'over');
    new BlockEdge(node, user({ shares: NOT_WRITE }));
    expect(() => new BlockEdge(over, user({ needs: ['write'] }))).toThrow("on node 'disk'");
    expect(over.parents.size).toBe(0);
  });

  it('is resized when all share that', () => {
    const node = disk();
    const edge = new BlockEdge(node, user({ shares: ['write'] }));
    const resize = () => demandResizable(node, { size: 0 }, true);
    expect(resize).toThrow("permissions 'resize' are both required");
    edge.close();
    expect(resize).not.toThrow();
  });
});
