import { describe, expect, it } from 'vitest';
import { MonitorRig, type RigClient } from '../../support/monitor-rig.ts';

/** @returns A client of a monitor with a ring buffer `r` and a chardev `n`. */
async function makeClient(): Promise<RigClient> {
  const client = await new MonitorRig().client();
  const backend = { type: 'ringbuf', data: { size: 16 } };
  await client.execute('chardev-add', { id: 'r', backend });
  await client.execute('chardev-add', { id: 'n', backend: { type: 'null', data: {} } });
  return client;
}

describe('ring buffers over QMP', () => {
  it('take and give text or base64', async () => {
    const client = await makeClient();
    await client.execute('ringbuf-write', { device: 'r', data: 'text' });
    await client.execute('ringbuf-write', { device: 'r', data: 'dGV4dA==', format: 'base64' });
    const reading = { device: 'r', size: 6, format: 'base64' };
    expect(await client.execute('ringbuf-read', reading)).toBe('dGV4dHRl');
    expect(await client.execute('ringbuf-read', { device: 'r', size: 6 })).toBe('xt');
  });

  it.each([
    [{ device: 'r', size: 0 }, 'size must be greater than zero'],
    [{ device: 'x', size: 1 }, "Device 'x' not found"],
    [{ device: 'n', size: 1 }, 'n is not a ringbuf device'],
  ])('are not read so: %j', async (reading, desc) => {
    const client = await makeClient();
    expect(await client.execute('ringbuf-read', reading)).toMatchObject({ desc });
  });
});
