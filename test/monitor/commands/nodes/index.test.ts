import { describe, expect, it } from 'vitest';
import { BlockEdge } from '../../../../src/block/edge.ts';
import { CommandRig } from '../../../support/command-rig.ts';
import { makeFile, withFolder } from '../../../support/temporary.ts';

const MIRROR = { 'job-id': 'job', device: 'source', target: 'target', sync: 'full' };
const SHARED = ['resize', 'write-unchanged', 'write', 'consistent-read'];
const NOT_RESIZE = ['write-unchanged', 'write', 'consistent-read'];

/** A rig with the file `a.img` of a mebibyte as the nodes "file" and, raw over it, "disk". */
async function withFile(body: (rig: CommandRig, filename: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const filename = await makeFile(folder, 'a.img', 1_048_576);
    await using rig = await CommandRig.open();
    await rig.ask('blockdev-add', { driver: 'file', 'node-name': 'file', filename });
    await rig.ask('blockdev-add', { driver: 'raw', 'node-name': 'disk', file: 'file' });
    await body(rig, filename);
  });
}

describe('blockdev-add', () => {
  it.each([
    [{ driver: 'null-co' }, "'node-name' must be specified for the root node"],
    [{ driver: 'null-co', 'node-name': 'disk' }, "Duplicate nodes with node-name='disk'"],
    [{ driver: 'null-co', 'node-name': '1' }, "Invalid node-name: '1'"],
    [{ driver: 'none', 'node-name': 'x' }, "Parameter 'driver' does not accept value 'none'"],
    [
      { driver: 'raw', 'node-name': 'x', file: 'none' },
      "Cannot find device='none' nor node-name='none'",
    ],
    [
      { driver: 'file', 'node-name': 'x', filename: '/none/a.img' },
      "Could not open '/none/a.img': No such file or directory",
    ],
  ])('%j is refused', async (options, reason) => {
    await using rig = await CommandRig.open('disk');
    expect(await rig.ask('blockdev-add', options)).toBe(reason);
  });
});

describe('blockdev-reopen', () => {
  it('gives nodes other options, and looks at all of them before it does', () =>
    withFile(async (rig, filename) => {
      const file = { driver: 'file', 'node-name': 'file', filename };
      const disk = { driver: 'raw', 'node-name': 'disk', file: 'file' };
      const wrong = {
        options: [
          { ...file, 'read-only': true },
          { ...disk, none: 1 },
        ],
      };
      expect(await rig.ask('blockdev-reopen', wrong)).toBe(
        "Parameter 'options[1].none' is unexpected",
      );
      const options = [file, disk].map((each) => ({ ...each, 'read-only': true }));
      expect(await rig.ask('blockdev-reopen', { options })).toEqual({});
      const nodes = await rig.ask('query-named-block-nodes', { flat: true });
      expect(nodes).toMatchObject([{ ro: true }, { ro: true }]);
    }));
});

describe('blockdev-del', () => {
  it('closes a node that was opened by itself, and what is inside its options', async () => {
    await using rig = await CommandRig.open();
    const file = { driver: 'null-co', 'node-name': 'inside' };
    await rig.ask('blockdev-add', { driver: 'raw', 'node-name': 'disk', file });
    expect(await rig.ask('blockdev-del', { 'node-name': 'inside' })).toBe(
      'Node inside is not owned by the monitor',
    );
    expect(await rig.ask('blockdev-del', { 'node-name': 'disk' })).toEqual({});
    expect(await rig.ask('query-named-block-nodes')).toEqual([]);
  });

  it('refuses what others use, saying who', async () => {
    await using rig = await CommandRig.open('source', 'target', 'below');
    await rig.ask('blockdev-add', { driver: 'raw', 'node-name': 'over', file: 'below' });
    const del = (name: string) => rig.ask('blockdev-del', { 'node-name': name });
    expect(await del('none')).toBe("Failed to find node with node-name='none'");
    expect(await del('below')).toBe('Block device below is in use');
    await rig.hear('blockdev-mirror', MIRROR);
    expect(await del('source')).toBe(
      "Node 'source' is busy: block device is in use by block job: mirror",
    );
    expect(await del('target')).toBe('Node target is in use');
  });
});

describe('query-named-block-nodes', () => {
  it('tells of a file and of what is over it, the newest first', () =>
    withFile(async (rig, filename) => {
      const limits = { bps: 0, bps_rd: 0, bps_wr: 0, iops: 0, iops_rd: 0, iops_wr: 0 };
      const image = { filename, 'dirty-flag': false, 'actual-size': 0, 'virtual-size': 1_048_576 };
      const common = {
        ...limits,
        file: filename,
        ro: false,
        backing_file_depth: 0,
        encrypted: false,
        detect_zeroes: 'off',
        cache: { writeback: true, direct: false, 'no-flush': false },
        write_threshold: 0,
      };
      expect(await rig.ask('query-named-block-nodes')).toEqual([
        { ...common, 'node-name': 'disk', drv: 'raw', image: { ...image, format: 'raw' } },
        { ...common, 'node-name': 'file', drv: 'file', image: { ...image, format: 'file' } },
      ]);
    }));

  it('counts the size of a file in whole sectors', () =>
    withFolder(async (folder) => {
      const filename = await makeFile(folder, 'odd.img', 1000);
      await using rig = await CommandRig.open();
      await rig.ask('blockdev-add', { driver: 'file', 'node-name': 'file', filename });
      expect(await rig.ask('query-named-block-nodes')).toMatchObject([
        { image: { 'virtual-size': 1024 } },
      ]);
    }));

  it('tells of what a filter shows, unless it is to be flat', async () => {
    await using rig = await CommandRig.open('source', 'target');
    await rig.hear('blockdev-mirror', MIRROR);
    const [filter] = (await rig.ask('query-named-block-nodes')) as object[];
    expect(filter).toMatchObject({
      drv: 'mirror_top',
      backing_file_depth: 1,
      image: { format: 'mirror_top', 'backing-image': { format: 'null-co', 'actual-size': 0 } },
    });
    const [flat] = (await rig.ask('query-named-block-nodes', { flat: true })) as object[];
    expect(flat).toMatchObject({ backing_file_depth: 0 });
    expect(flat).not.toHaveProperty(['image', 'backing-image']);
  });

  it.each([
    [{ driver: 'null-co' }, 'null-co://'],
    [{ driver: 'null-co', 'latency-ns': 1 }, 'null-co://'],
    [{ driver: 'null-co', size: 512 }, 'json:{"driver": "null-co", "size": 512}'],
    [
      { driver: 'raw', file: 'disk', offset: 512 },
      'json:{"offset": 512, "driver": "raw",' +
        ' "file": {"read-zeroes": true, "driver": "null-co", "size": 1048576}}',
    ],
    [{ driver: 'raw', file: { driver: 'null-co' } }, 'null-co://'],
    [
      { driver: 'copy-on-read', file: { driver: 'null-co' } },
      'json:{"driver": "copy-on-read", "file": {"driver": "null-co"}}',
    ],
    [{ driver: 'blkdebug', image: { driver: 'null-co' } }, 'blkdebug::null-co://'],
    [
      { driver: 'blkdebug', image: { driver: 'null-co' }, align: 512 },
      'json:{"image": {"driver": "null-co"}, "driver": "blkdebug", "align": 512}',
    ],
  ])('calls %j by a name that opens the same', async (options, name) => {
    await using rig = await CommandRig.open('disk');
    await rig.ask('blockdev-add', { ...options, 'node-name': 'named' });
    expect(await rig.ask('query-named-block-nodes')).toMatchObject(
      expect.arrayContaining([expect.objectContaining({ 'node-name': 'named', file: name })]),
    );
  });
});

describe('x-debug-query-block-graph', () => {
  it('draws a mirror as QEMU does', async () => {
    await using rig = await CommandRig.open('source', 'target');
    await rig.hear('blockdev-mirror', { ...MIRROR, 'filter-node-name': 'filter' });
    const edge = (
      name: string,
      parent: number,
      child: number,
      perm: string[],
      shared: string[],
    ) => ({
      name,
      parent,
      child,
      perm,
      'shared-perm': shared,
    });
    expect(await rig.ask('x-debug-query-block-graph')).toEqual({
      edges: [
        edge('backing', 5, 4, ['consistent-read'], NOT_RESIZE),
        edge('main node', 3, 5, ['consistent-read'], NOT_RESIZE),
        edge('source', 3, 4, [], NOT_RESIZE),
        edge('target', 3, 2, [], SHARED),
        edge('root', 1, 2, ['write'], ['write-unchanged']),
      ],
      nodes: [
        { id: 5, type: 'block-driver', name: 'filter' },
        { id: 2, type: 'block-driver', name: 'target' },
        { id: 4, type: 'block-driver', name: 'source' },
        { id: 3, type: 'block-job', name: 'job' },
        { id: 1, type: 'block-backend', name: '' },
      ],
    });
  });
});

describe('query-blockstats', () => {
  it('tells how far writes have reached on a node, and on those under it', () =>
    withFile(async (rig) => {
      await rig.machine.graph.find('disk').write(512, new Uint8Array(512));
      const reached = { wr_highest_offset: 1024, wr_bytes: 0 };
      const file = { 'node-name': 'file', stats: reached, 'driver-specific': { driver: 'file' } };
      expect(await rig.ask('query-blockstats', { 'query-nodes': true })).toMatchObject([
        file,
        { 'node-name': 'disk', stats: reached, parent: file },
      ]);
    }));

  it('tells of what a drive’s node filters as its parent and as its backing', async () => {
    await using rig = await CommandRig.open('disk');
    const { drives, graph } = rig.machine;
    await rig.ask('blockdev-add', { driver: 'blkdebug', 'node-name': 'filter', image: 'disk' });
    const drive = drives.add({ name: 'drive' });
    drive.insert(graph.find('filter'));
    const below = { 'node-name': 'disk' };
    const filter = { 'node-name': 'filter', parent: below };
    const ofDrive = await rig.ask('query-blockstats');
    expect(ofDrive).toMatchObject([{ device: 'drive', ...filter, backing: below }]);
    const ofNodes = await rig.ask('query-blockstats', { 'query-nodes': true });
    expect(ofNodes).toMatchObject([below, filter]);
    expect(ofNodes).not.toMatchObject([{}, { backing: {} }]);
    await drives.remove(drive);
  });

  it('tells how the discards of a file fared', () =>
    withFolder(async (folder) => {
      const filename = await makeFile(folder, 'a.img', 8192);
      await using rig = await CommandRig.open();
      const options = { driver: 'file', 'node-name': 'file', filename, discard: 'unmap' };
      await rig.ask('blockdev-add', options);
      await rig.machine.graph.find('file').discard(0, 4096);
      const counts = { 'discard-nb-ok': 1, 'discard-nb-failed': 0, 'discard-bytes-ok': 4096 };
      expect(await rig.ask('query-blockstats', { 'query-nodes': true })).toMatchObject([
        { 'driver-specific': { driver: 'file', ...counts } },
      ]);
    }));
});

describe('block-set-write-threshold', () => {
  it('has the first write told of that reaches beyond it', async () => {
    await using rig = await CommandRig.open('disk');
    const set = { 'node-name': 'disk', 'write-threshold': 1024 };
    expect(await rig.ask('block-set-write-threshold', set)).toEqual({});
    expect(await rig.ask('query-named-block-nodes')).toMatchObject([{ write_threshold: 1024 }]);
    const events: unknown[] = [];
    rig.machine.subscribe(({ event, ...more }) =>
      events.push({ event, data: more['data' as never] }),
    );
    const node = rig.machine.graph.find('disk');
    for (const offset of [512, 1000, 1000]) await node.write(offset, new Uint8Array(512));
    const data = { 'node-name': 'disk', 'amount-exceeded': 488, 'write-threshold': 1024 };
    expect(events).toEqual([{ event: 'BLOCK_WRITE_THRESHOLD', data }]);
    expect(await rig.ask('block-set-write-threshold', { ...set, 'node-name': 'none' })).toBe(
      "Device 'none' not found",
    );
  });
});

describe('block_resize', () => {
  it('changes the size of a disk, and of its bitmaps', () =>
    withFile(async (rig) => {
      await rig.ask('block-dirty-bitmap-add', { node: 'disk', name: 'b' });
      await rig.machine.graph.find('disk').write(1_048_064, new Uint8Array(512));
      expect(await rig.ask('block_resize', { 'node-name': 'disk', size: 2_097_152 })).toEqual({});
      expect(await rig.ask('query-named-block-nodes')).toMatchObject([
        { image: { 'virtual-size': 2_097_152 }, 'dirty-bitmaps': [{ name: 'b', count: 65_536 }] },
        {},
      ]);
      await rig.machine.graph.find('disk').write(2_096_640, new Uint8Array(512));
      expect(await rig.ask('query-named-block-nodes')).toMatchObject([
        { 'dirty-bitmaps': [{ count: 131_072 }] },
        {},
      ]);
    }));

  it('is refused for what cannot be resized now', async () => {
    await using rig = await CommandRig.open('disk', 'source', 'target');
    const resize = (name: string, size = 512) =>
      rig.ask('block_resize', { 'node-name': name, size });
    expect(await resize('none')).toBe("Cannot find device='' nor node-name='none'");
    expect(await resize('disk', -1)).toBe("Parameter 'size' expects a >0 size");
    expect(await resize('disk')).toBe('Image format driver does not support resize');
    await rig.hear('blockdev-mirror', MIRROR);
    expect(await resize('target')).toBe("Device '(null)' is in use");
    const shares = ['write'] as const;
    const user = { name: 'x', kind: 'export', shares } as const;
    const edge = new BlockEdge(rig.machine.graph.find('disk'), user);
    const as = "an unnamed block device (uses node 'disk' as 'root' child)";
    expect(await resize('disk')).toBe(
      "Permission conflict on node 'disk': permissions 'resize' are both required by" +
        ` ${as} and unshared by ${as}.`,
    );
    edge.close();
  });
});
