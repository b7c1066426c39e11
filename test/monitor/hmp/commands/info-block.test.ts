import { describe, expect, it } from 'vitest';
import { HmpRig } from '../../../support/hmp-rig.ts';

const KiB = 1024;

/** What queries tell of a node. @param more What differs from the usual. */
function node(more: Readonly<Record<string, unknown>> = {}) {
  const none = { bps: 0, bps_rd: 0, bps_wr: 0, iops: 0, iops_rd: 0, iops_wr: 0 };
  const image = { filename: 'a.img', format: 'raw', 'virtual-size': 64 * KiB, 'actual-size': 512 };
  return {
    file: 'a.img',
    'node-name': 'node',
    ro: false,
    drv: 'raw',
    encrypted: false,
    detect_zeroes: 'off',
    backing_file_depth: 0,
    cache: { writeback: true, direct: false, 'no-flush': false },
    image,
    ...none,
    ...more,
  };
}

function drive(more: Readonly<Record<string, unknown>> = {}) {
  return { device: 'drive', removable: false, locked: false, inserted: node(), ...more };
}

async function info(
  line: string,
  drives: readonly object[],
  nodes: readonly object[] = [],
): Promise<string> {
  const answers = { 'query-block': () => drives, 'query-named-block-nodes': () => nodes };
  await using rig = new HmpRig(answers);
  const printed = await rig.type(line);
  return printed;
}

const usual = 'drive (node): a.img (raw)\n    Cache mode:       writeback\n';

describe('info block', () => {
  it('tells of all drives', async () => {
    const empty = drive({ device: 'cd', removable: true, inserted: undefined });
    expect(await info('info block', [drive(), empty])).toBe(
      `${usual}\ncd: [not inserted]\n    Removable device: not locked, tray closed\n`,
    );
  });

  it('tells of one drive', async () => {
    const other = drive({ device: 'other' });
    expect(await info('info block drive', [drive(), other], [node()])).toBe(usual);
    expect(await info('info block drive', [other, drive()])).toBe(`\n${usual}`);
  });

  it('tells of a node where there is no such drive', async () => {
    const nodes = [node({ 'node-name': 'x' }), node()];
    expect(await info('info block node', [drive()], nodes)).toBe(
      '\nnode: a.img (raw)\n    Cache mode:       writeback\n',
    );
    expect(await info('info block none', [drive()], nodes)).toBe('');
  });

  it('tells of all nodes', async () => {
    const nodes = [node({ 'node-name': 'x' }), node()];
    expect(await info('info block -n', [drive()], nodes)).toBe(
      'x: a.img (raw)\n    Cache mode:       writeback\n\n' +
        'node: a.img (raw)\n    Cache mode:       writeback\n',
    );
  });

  it('names a drive without a name by its node, or else its device', async () => {
    const anonymous = { device: '', qdev: '/machine/vda' };
    const attached = '    Attached to:      /machine/vda\n';
    expect(await info('info block', [drive(anonymous)])).toBe(
      `node: a.img (raw)\n${attached}    Cache mode:       writeback\n`,
    );
    expect(await info('info block', [drive({ ...anonymous, inserted: undefined })])).toBe(
      `/machine/vda: [not inserted]\n${attached}`,
    );
  });

  it('tells all that there is to tell', async () => {
    const special = node({
      ro: true,
      backing_file: 'b.img',
      backing_file_depth: 2,
      detect_zeroes: 'unmap',
      cache: { writeback: false, direct: true, 'no-flush': true },
      bps: 1000,
      iops_max: 5,
      iops_size: 4096,
      group: 'g',
    });
    const tray = { removable: true, locked: true, tray_open: true, 'io-status': 'nospace' };
    expect(await info('info block', [drive({ ...tray, inserted: special })])).toBe(
      `drive (node): a.img (raw, read-only)
    I/O status:       nospace
    Removable device: locked, tray open
    Cache mode:       writethrough, direct, ignore flushes
    Backing file:     b.img (chain depth: 2)
    Detect zeroes:    unmap
    I/O throttling:   bps=1000 bps_rd=0 bps_wr=0 bps_max=0 bps_rd_max=0 bps_wr_max=0 \
iops=0 iops_rd=0 iops_wr=0 iops_max=5 iops_rd_max=0 iops_wr_max=0 iops_size=4096 group=g
`,
    );
  });

  it('tells of the images when it is to say more', async () => {
    const base = { filename: 'b.img', format: 'qcow2', 'virtual-size': 512, 'cluster-size': 65536 };
    const image = { ...node().image, 'backing-image': base };
    expect(await info('info block -v drive', [drive({ inserted: node({ image }) })])).toBe(
      `${usual}
Images:
image: a.img
file format: raw
virtual size: 64 KiB (65536 bytes)
disk size: 512 B
image: b.img
file format: qcow2
virtual size: 512 B (512 bytes)
disk size: unavailable
cluster_size: 65536
`,
    );
  });
});
