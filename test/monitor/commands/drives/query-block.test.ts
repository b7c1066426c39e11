import { describe, expect, it } from 'vitest';
import { addDevice } from '../../../../src/machine/device-models.ts';
import { MonitorRig } from '../../../support/monitor-rig.ts';

async function monitor() {
  const rig = new MonitorRig();
  const { machine } = rig;
  for (const name of ['disk', 'target']) {
    await machine.graph.open({ driver: 'memory', size: 4096, 'node-name': name });
  }
  machine.drives.add({ name: 'empty' });
  const given = { driver: 'virtio-blk', drive: 'disk', id: 'v0' };
  const { drive } = addDevice(machine, { given, notation: 'keyval', isHotplug: false });
  const client = await rig.client();
  return { machine, client, drive, query: () => client.execute('query-block') };
}

const QDEV = '/machine/peripheral/v0/virtio-backend';
const RATES = { bps_rd: 0, bps_wr: 0, iops: 0, iops_rd: 0, iops_wr: 0 };

describe('query-block', () => {
  it('tells of drives with a name or a device, and what is in them', async () => {
    const { machine, query } = await monitor();
    machine.drives.add({ name: '' });
    expect(await query()).toEqual([
      { device: 'empty', type: 'unknown', removable: true, locked: false },
      {
        ...{ device: '', qdev: QDEV, type: 'unknown', removable: false, locked: false },
        'io-status': 'ok',
        inserted: expect.objectContaining({ 'node-name': 'disk', drv: 'memory', bps: 0 }),
      },
    ]);
    await machine.close();
  });

  it('tells of a disk under a mirror what it tells without one', async () => {
    const { machine, query } = await monitor();
    await machine.jobs.startMirror({ id: 'job0', source: 'disk', target: 'target' });
    expect(await query()).toMatchObject([{}, { inserted: { 'node-name': 'disk' } }]);
    await machine.close();
  });

  it('tells the limits that are set, and of bursts only where there are some', async () => {
    const { machine, client, query } = await monitor();
    const limits = { ...RATES, id: QDEV, bps: 100, bps_max: 200, iops_size: 512, iops: 9 };
    expect(await client.execute('block_set_io_throttle', limits)).toEqual({});
    const [, found] = (await query()) as { inserted: Record<string, unknown> }[];
    expect(found?.inserted).toMatchObject({
      ...{ bps: 100, bps_max: 200, bps_max_length: 1, iops: 9, iops_size: 512, group: QDEV },
    });
    expect(found?.inserted).not.toHaveProperty('iops_max');
    await machine.close();
  });
});

describe('block_set_io_throttle', () => {
  // What QEMU 7.2 says.
  it.each([
    [{ device: 'empty', bps: 1 }, 'Device has no medium'],
    [{ id: QDEV, bps: -1 }, 'bps/iops/max values must be within [0, 1000000000000000]'],
    [{ id: QDEV, bps: 5, bps_max: 2 }, 'bps_max/iops_max cannot be lower than bps/iops'],
    [{ id: QDEV, bps: 0, iops_size: 2 }, 'iops size requires an iops value to be set'],
  ])('refuses %j', async (given, desc) => {
    const { machine, client } = await monitor();
    const answer = await client.execute('block_set_io_throttle', { ...RATES, ...given });
    expect(answer).toEqual({ class: 'GenericError', desc });
    await machine.close();
  });
});

describe('block-latency-histogram-set', () => {
  it('begins the histograms of the kinds that it names, and ends all without any', async () => {
    const { machine, client, drive } = await monitor();
    const set = (given: object) =>
      client.execute('block-latency-histogram-set', { id: QDEV, ...given });
    expect(await set({ boundaries: [10, 20], 'boundaries-flush': [5] })).toEqual({});
    const boundaries = (['read', 'write', 'flush'] as const).map(
      (kind) => drive.histograms.get(kind)?.boundaries,
    );
    expect(boundaries).toEqual([[10, 20], [10, 20], [5]]);
    expect(await set({ 'boundaries-read': [1, 1] })).toEqual({
      class: 'GenericError',
      desc: `Device '${QDEV}' set read boundaries fail`,
    });
    expect(await set({})).toEqual({});
    expect(drive.histograms.get('read')).toBeUndefined();
    await machine.close();
  });
});
