import { describe, expect, it } from 'vitest';
import { nodeEnv } from '../../src/env/node.ts';
import { Machine } from '../../src/machine/machine.ts';
import { pattern } from '../support/drivers.ts';
import { MachineRig } from '../support/machine-rig.ts';

const KiB = 1024;

async function machineWithMirror() {
  const machine = new Machine(nodeEnv());
  const told: string[] = [];
  let isReady = () => {};
  const ready = new Promise<void>((resolve) => {
    isReady = resolve;
  });
  machine.subscribe((event) => {
    told.push(event.event === 'JOB_STATUS_CHANGE' ? event.data.status : event.event);
    if (event.event === 'BLOCK_JOB_READY') isReady();
  });
  for (const name of ['source', 'target']) {
    await machine.graph.open({ driver: 'memory', size: 64 * KiB, 'node-name': name });
  }
  const device = machine.addDevice('source', { name: 'guest' });
  await machine.jobs.startMirror({ id: 'job0', source: 'source', target: 'target' });
  await ready;
  return { machine, told, device };
}

describe('shutdown()', () => {
  it('tells what QEMU tells when it quits with a ready mirror', async () => {
    const { machine, told } = await machineWithMirror();
    told.length = 0;
    await machine.shutdown('host-qmp-quit');
    const end = ['aborting', 'BLOCK_JOB_CANCELLED', 'concluded', 'null'];
    expect(told).toEqual(['SHUTDOWN', 'standby', 'ready', ...end]);
    expect(machine.graph.nodes).toEqual([]);
  });

  it('forgets all jobs, the newest first, and tells of no guest where there is none', async () => {
    const { machine, told } = await machineWithMirror();
    machine.jobs.startCreate('job1', async () => {});
    await machine.jobs.find('job1')?.finished;
    told.length = 0;
    await machine.shutdown(undefined);
    const end = ['aborting', 'BLOCK_JOB_CANCELLED', 'concluded', 'null'];
    // That of the job that had concluded comes first.
    expect(told).toEqual(['standby', 'null', 'ready', ...end]);
  });

  it('carries out what waits for the limits of a drive', async () => {
    const rig = new MachineRig();
    const { machine } = rig;
    const disk = await rig.open('disk');
    const drive = machine.drives.add({ name: 'd0' });
    drive.insert(rig.node('disk'));
    machine.drives.throttle(drive, 'g', { 'iops-total': 1 });
    const writes = [1, 2, 3].map((value) => drive.edge?.write(512 * value, pattern(512, value)));
    await machine.shutdown('host-qmp-quit');
    await Promise.all(writes);
    expect(disk.bytes.subarray(1536, 2048)).toEqual(pattern(512, 3));
  });

  it('refuses what the guest asks for afterwards', async () => {
    const { machine, device } = await machineWithMirror();
    await machine.shutdown('host-signal');
    const request = { type: 'flush' } as const;
    await expect(device.request(request)).rejects.toMatchObject({ code: 'ESHUTDOWN' });
  });
});
