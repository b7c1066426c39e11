import { describe, expect, it } from 'vitest';
import { MonitorRig, type RigClient } from '../../support/monitor-rig.ts';

/** @returns A client of a monitor with a throttle group `g` and an iothread `i`. */
async function makeClient(): Promise<RigClient> {
  const client = await new MonitorRig().client();
  const limits = { 'bps-total': 1000 };
  await client.execute('object-add', { 'qom-type': 'throttle-group', id: 'g', limits });
  await client.execute('object-add', { 'qom-type': 'iothread', id: 'i' });
  return client;
}

describe('qom-set', () => {
  it('changes those limits of a throttle group that it names', async () => {
    const client = await makeClient();
    const limits = { path: '/objects/g', property: 'limits' };
    expect(await client.execute('qom-set', { ...limits, value: { 'iops-read': 5 } })).toEqual({});
    const changed = { 'bps-total': 1000, 'iops-read': 5 };
    expect(await client.execute('qom-get', limits)).toMatchObject(changed);
  });

  it('changes an iothread, unless it cannot be so', async () => {
    const client = await makeClient();
    const polling = { path: 'i', property: 'poll-max-ns' };
    expect(await client.execute('qom-set', { ...polling, value: 7 })).toEqual({});
    const desc = 'poll-max-ns value must be in range [0, 9223372036854775807]';
    const negative = await client.execute('qom-set', { ...polling, value: -1 });
    expect(negative).toMatchObject({ desc });
    expect(await client.execute('qom-get', polling)).toBe(7);
  });

  it.each([
    ['i', 'type', 'x', "Property 'iothread.type' is not writable"],
    ['i', 'x', 1, "Property 'iothread.x' not found"],
    ['i', 'poll-grow', 'x', "Invalid parameter type for 'poll-grow', expected: integer"],
    ['g', 'x-bps-total', 1, 'Property cannot be set after initialization'],
    ['g', 'limits', 1, "Invalid parameter type for 'limits', expected: object"],
    ['x', 'limits', {}, "Device 'x' not found"],
  ])("is refused with QEMU's reason: %s.%s = %j", async (path, property, value, desc) => {
    const client = await makeClient();
    expect(await client.execute('qom-set', { path, property, value })).toMatchObject({ desc });
  });
});
