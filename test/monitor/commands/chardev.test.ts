import { describe, expect, it } from 'vitest';
import { MonitorRig } from '../../support/monitor-rig.ts';

const NULL = { type: 'null', data: {} };

describe('chardev-change', () => {
  it('makes another chardev of one', async () => {
    const client = await new MonitorRig().client();
    await client.execute('chardev-add', { id: 'a', backend: NULL });
    const ring = { type: 'ringbuf', data: {} };
    expect(await client.execute('chardev-change', { id: 'a', backend: ring })).toEqual({});
    const expected = [{ label: 'a', filename: 'ringbuf', 'frontend-open': false }];
    expect(await client.execute('query-chardev')).toEqual(expected);
  });

  it('leaves none where the other cannot be made', async () => {
    const client = await new MonitorRig().client();
    await client.execute('chardev-add', { id: 'a', backend: NULL });
    const file = { type: 'file', data: { out: '/no/where' } };
    expect(await client.execute('chardev-change', { id: 'a', backend: file })).toMatchObject({
      desc: "Failed to add chardev 'a': Could not open '/no/where': No such file or directory",
    });
    const desc = "Chardev 'a' does not exist";
    const again = await client.execute('chardev-change', { id: 'a', backend: NULL });
    expect(again).toMatchObject({ desc });
  });
});
