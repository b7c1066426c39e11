import { describe, expect, it } from 'vitest';
import { CommandRig, NULL_DISK } from '../../../support/command-rig.ts';

const MIRROR = { 'job-id': 'job', device: 'source', target: 'target', sync: 'full' };
const STARTED = ['+created', '+running'];
const READY = ['+ready', '+BLOCK_JOB_READY'];
const IN_USE = 'block device is in use by block job: mirror';

describe('blockdev-mirror', () => {
  it('tells what needs no disk before it answers, and the rest after that', async () => {
    await using rig = await CommandRig.open('source', 'target');
    const onlyNew = { ...MIRROR, sync: 'none' };
    expect(await rig.hear('blockdev-mirror', onlyNew)).toEqual([...STARTED, ...READY, {}]);
    await using other = await CommandRig.open('source', 'target');
    expect(await other.hear('blockdev-mirror', MIRROR)).toEqual([...STARTED, {}, ...READY]);
  });

  it('takes all its arguments', async () => {
    await using rig = await CommandRig.open('source', 'target');
    const all = {
      ...MIRROR,
      replaces: 'source',
      speed: 0,
      granularity: 4096,
      'buf-size': 65_536,
      'on-source-error': 'stop',
      'on-target-error': 'enospc',
      'filter-node-name': 'filter',
      'copy-mode': 'write-blocking',
      'auto-finalize': false,
      'auto-dismiss': false,
      'target-is-zero': true,
    };
    expect(await rig.hear('blockdev-mirror', all)).toEqual([...STARTED, {}, ...READY]);
    expect(await rig.ask('query-block-jobs')).toMatchObject([
      { 'auto-finalize': false, 'auto-dismiss': false, 'actively-synced': true },
    ]);
    expect(await rig.ask('blockdev-del', { 'node-name': 'filter' })).toBe(
      `Node 'filter' is busy: ${IN_USE}`,
    );
  });

  it.each([
    [{ 'job-id': undefined }, "Invalid job ID ''"],
    [{ 'job-id': '1' }, "Invalid job ID '1'"],
    [{ device: 'none' }, "Cannot find device='none' nor node-name='none'"],
    [{ target: 'none' }, "Cannot find device='none' nor node-name='none'"],
    [{ target: 'source' }, "Can't mirror node into itself"],
    [{ device: 'below' }, 'Need a root block node'],
    [{ sync: 'bitmap' }, "Sync mode 'bitmap' not supported"],
    [{ granularity: 3 }, "Parameter 'granularity' expects a value in range [512B, 64MB]"],
    [{ granularity: 513 }, "Parameter 'granularity' expects a power of 2"],
    [{ 'buf-size': -1 }, "Invalid parameter 'buf-size'"],
    [{ 'filter-node-name': '1x' }, "Invalid node-name: '1x'"],
    [{ 'filter-node-name': 'target' }, "Duplicate nodes with node-name='target'"],
    [{ replaces: 'none' }, "Failed to find node with node-name='none'"],
    [
      { replaces: 'target' },
      "Cannot replace 'target' by a node mirrored from 'source', because it cannot be guaranteed" +
        ' that doing so would not lead to an abrupt change of visible data',
    ],
  ])('is refused without an event: %j', async (wrong, reason) => {
    await using rig = await CommandRig.open('source', 'target', 'below');
    await rig.ask('blockdev-add', { driver: 'raw', 'node-name': 'over', file: 'below' });
    expect(await rig.hear('blockdev-mirror', { ...MIRROR, ...wrong })).toEqual([reason]);
  });

  it.each([
    [{ speed: -1 }, "Parameter 'speed' expects a non-negative value"],
    [{ target: 'fixed' }, 'Block node is read-only'],
  ])('is refused when there is a job: %j', async (wrong, reason) => {
    await using rig = await CommandRig.open('source', 'target');
    await rig.ask('blockdev-add', { ...NULL_DISK, 'node-name': 'fixed', 'read-only': true });
    const heard = await rig.hear('blockdev-mirror', { ...MIRROR, ...wrong });
    expect(heard).toEqual(['+created', '+null', reason]);
  });

  it('answers before it tells that the sizes differ', async () => {
    await using rig = await CommandRig.open('source');
    await rig.ask('blockdev-add', { driver: 'null-co', 'node-name': 'target', size: 512 });
    expect(await rig.hear('blockdev-mirror', { ...MIRROR, 'auto-dismiss': false })).toEqual([
      ...STARTED,
      {},
      '+aborting',
      '+BLOCK_JOB_COMPLETED',
      '+concluded',
    ]);
    expect(await rig.ask('query-block-jobs')).toMatchObject([
      { len: 0, offset: 0, error: 'Source and target image have different sizes' },
    ]);
  });

  it('is for disks that no other job works on', async () => {
    await using rig = await CommandRig.open('source', 'target', 'other');
    await rig.hear('blockdev-mirror', MIRROR);
    const second = { ...MIRROR, 'job-id': 'second', device: 'other' };
    expect(await rig.ask('blockdev-mirror', second)).toBe(`Node 'target' is busy: ${IN_USE}`);
    expect(await rig.ask('blockdev-mirror', { ...second, device: 'target' })).toBe(
      'Need a root block node',
    );
    await rig.ask('blockdev-add', { ...NULL_DISK, 'node-name': 'third' });
    expect(await rig.ask('blockdev-mirror', { ...MIRROR, device: 'other', target: 'third' })).toBe(
      "Job ID 'job' already in use",
    );
  });
});
