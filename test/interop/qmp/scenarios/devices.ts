/** Devices of an emulated machine, and the machine's states. */

import { BACKEND, DRIVE, emulated, human, NODE } from '../emulator.ts';
import { event, execute, type Members, race, type Scenario, type Step } from '../scenario.ts';

const add = (more: Members): Step =>
  execute('device_add', { driver: 'virtio-blk-pci', bus: 'pci.1', ...more });
const del = (id: string): Step => execute('device_del', { id });
const query = execute('query-block');

const node = (name: string, more: Members = {}) =>
  execute('blockdev-add', { driver: 'null-co', 'node-name': name, size: 65_536, ...more });

export const devices: readonly Scenario[] = [
  emulated(
    'a machine is stopped and continued',
    ['--name', 'mirror,debug-threads=off'],
    [
      execute('query-name'),
      execute('query-status'),
      execute('stop'),
      execute('query-status'),
      execute('cont'),
      event('RESUME'),
      execute('query-status'),
      execute('cont'),
      execute('stop'),
      event('STOP'),
      execute('query-status'),
      execute('stop'),
      human('info status'),
      human('cont'),
      event('RESUME'),
      human('stop'),
      event('STOP'),
      human('info name'),
    ],
  ),
  emulated('a device is on a node, or on a drive, that is its own', NODE, [
    query,
    execute('device_add'),
    execute('device_add', { driver: 'none' }),
    add({}),
    add({ id: 'a', drive: 'none' }),
    add({ id: 'a', drive: 'source' }),
    add({ id: '1', drive: 'source' }),
    add({ id: 'disk', drive: 'source' }),
    node('null'),
    add({ id: 'a', drive: 'null', none: 1 }),
    add({ id: 'a', drive: 'null', serial: 'x'.repeat(21) }),
    add({ id: 'a', drive: 'null', logical_block_size: 1000 }),
    query,
  ]),
  emulated(
    'a device comes and goes, and its node stays',
    [],
    [
      node('null'),
      add({ id: 'a', drive: 'null', serial: 'serial' }),
      query,
      execute('blockdev-del', { 'node-name': 'null' }),
      del('none'),
      execute('device_del'),
      race(del('a'), event('DEVICE_DELETED', { device: 'a' })),
      query,
      execute('blockdev-del', { 'node-name': 'null' }),
      node('still', { 'read-only': true }),
      add({ id: 'b', drive: 'still' }),
      query,
      race(del('/machine/peripheral/b'), event('DEVICE_DELETED', { device: 'b' })),
      add({ id: 'b', drive: 'still' }),
    ],
  ),
  emulated(
    'the medium of a disk cannot be taken out',
    ['--blockdev', 'driver=null-co,node-name=null', ...DRIVE],
    [
      execute('eject', { device: 'drive' }),
      execute('eject', { id: BACKEND }),
      execute('eject', { id: 'disk' }),
      execute('eject', { id: 'none' }),
      execute('eject', { id: BACKEND, force: true }),
      execute('blockdev-open-tray', { id: BACKEND }),
      execute('blockdev-close-tray', { id: BACKEND }),
      execute('blockdev-remove-medium', { id: BACKEND }),
      execute('blockdev-insert-medium', { id: BACKEND, 'node-name': 'null' }),
      execute('blockdev-change-medium', { id: BACKEND, filename: 'target.img' }),
      query,
    ],
  ),
  emulated('a device is throttled while it is there', DRIVE, [
    execute('block_set_io_throttle'),
    ...[
      { device: 'none' },
      { id: 'none' },
      { id: BACKEND, bps: -1 },
      { id: BACKEND, bps_rd: 1 },
      { id: BACKEND, bps: 1_000_000, iops: 100 },
      { id: BACKEND, bps_max: 1 },
      { id: BACKEND, group: 'a', bps_max: 2_000_000, bps_max_length: 2, iops_size: 4096 },
      { device: 'drive' },
    ].flatMap((limits: Members) => [
      execute('block_set_io_throttle', {
        bps: 0,
        bps_rd: 0,
        bps_wr: 0,
        iops: 0,
        iops_rd: 0,
        iops_wr: 0,
        ...limits,
      }),
      query,
    ]),
    human('block_set_io_throttle drive 100 0 0 0 0 0'),
    query,
    human('block_set_io_throttle drive 0 0 0 0 0 0'),
    human('block_set_io_throttle none 0 0 0 0 0 0'),
    human('block_set_io_throttle'),
    query,
  ]),
  emulated('histograms of latency have bounds that grow', NODE, [
    execute('block-latency-histogram-set', { id: 'none' }),
    execute('block-latency-histogram-set', { id: BACKEND, boundaries: [2, 1] }),
    execute('block-latency-histogram-set', { id: BACKEND, boundaries: [0, 1] }),
    execute('block-latency-histogram-set', { id: BACKEND, boundaries: ['a'] }),
    execute('block-latency-histogram-set', { id: BACKEND, boundaries: [10, 50, 1000] }),
    execute('query-blockstats'),
    execute('block-latency-histogram-set', { id: BACKEND, 'boundaries-read': [5] }),
    execute('block-latency-histogram-set', { id: BACKEND, 'boundaries-write': [] }),
    execute('query-blockstats'),
    execute('block-latency-histogram-set', { id: BACKEND }),
    execute('query-blockstats'),
  ]),
  emulated('a disk is resized under its device', DRIVE, [
    execute('block_resize', { device: 'drive', size: 1_048_576 }),
    execute('block_resize', { 'node-name': 'source', size: 131_072 }),
    human('block_resize drive 1'),
    human('block_resize drive 1k'),
    human('block_resize none 1'),
    human('block_resize drive'),
    query,
  ]),
];
