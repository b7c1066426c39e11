import { describe, expect, it } from 'vitest';
import { EventFeed } from '../../src/monitor/event-feed.ts';
import type { JsonObject } from '../../src/wire/qmp/json-value.ts';
import { submitting } from '../support/device-rig.ts';
import { MachineRig } from '../support/machine-rig.ts';
import { settle } from '../support/settle.ts';

/** A rig, and what is told of its machine. */
function listening() {
  const rig = new MachineRig();
  const told: JsonObject[] = [];
  const end = new EventFeed(rig.machine).subscribe((message) => told.push(message));
  return { rig, told, end };
}

describe('a feed of events', () => {
  it('tells what QEMU tells and when it was, and no more', async () => {
    const { rig, told, end } = listening();
    await using machine = rig;
    await machine.open('source');
    await machine.open('target');
    const { job } = await machine.mirror();
    const [first] = rig.events;
    expect(first).toHaveProperty('reason');
    expect(told[0]).toEqual({
      timestamp: first?.timestamp,
      event: 'JOB_STATUS_CHANGE',
      data: { id: 'job0', status: 'created' },
    });
    end();
    const { length } = told;
    job.cancel({ force: true });
    await job.finished;
    expect(told).toHaveLength(length);
  });

  it('tells of errors as QEMU 7.2 does, which does not know the place of a device', async () => {
    const { rig, told } = listening();
    await using machine = rig;
    await machine.openFaulty('disk', [{ iotype: 'read', errno: 'EIO' }]);
    const device = machine.plug('disk');
    submitting(device, { type: 'in', sector: 0, data: new Uint8Array(512) });
    await settle();
    expect(machine.dataOf('BLOCK_IO_ERROR')).toMatchObject([{ 'qom-path': expect.anything() }]);
    expect(told.map(({ data }) => data)).toEqual([
      {
        device: 'vda',
        'node-name': 'disk',
        operation: 'read',
        action: 'report',
        reason: 'Input/output error',
        nospace: false,
      },
    ]);
  });

  it('tells only the name of what says no more', async () => {
    const { rig, told } = listening();
    await using machine = rig;
    await machine.machine.runState.stop();
    expect(told).toEqual([{ timestamp: expect.anything(), event: 'STOP' }]);
  });
});
