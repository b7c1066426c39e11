import { expect, it } from 'vitest';
import { STATUS } from '../../src/device/request.ts';
import { read } from '../support/device-rig.ts';
import { MachineRig } from '../support/machine-rig.ts';

const RESET = { guest: false, reason: 'host-qmp-system-reset' };

it('starts a stopped machine anew: what its guest waits for fails', async () => {
  await using rig = new MachineRig();
  await rig.open('disk');
  const device = rig.plug('disk');
  const { runState } = rig.machine;
  await runState.stop();
  const status = device.request(read());
  runState.reset();
  expect(await status).toBe(STATUS.IOERR);
  expect(runState.status).toBe('prelaunch');
  expect(rig.dataOf('RESET')).toEqual([RESET]);
  runState.cont();
  expect(runState.status).toBe('running');
});

it('leaves a running machine running', async () => {
  await using rig = new MachineRig();
  rig.machine.runState.reset();
  expect(rig.machine.runState.status).toBe('running');
  expect(rig.dataOf('RESET')).toEqual([RESET]);
});

it('asks for a power down, and does no more', async () => {
  await using rig = new MachineRig();
  rig.machine.runState.powerDown();
  expect(rig.events.map(({ event }) => event)).toEqual(['POWERDOWN']);
  expect(rig.machine.runState.status).toBe('running');
});
