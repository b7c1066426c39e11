import { expect, it } from 'vitest';
import { nodeEnv } from '../../../src/env/node.ts';
import { Machine } from '../../../src/machine/machine.ts';
import { commands } from '../../../src/monitor/commands/index.ts';
import { MonitorRig } from '../../support/monitor-rig.ts';

it('lets a guest begin, stop, and go on, each told of once', async () => {
  const machine = new Machine(nodeEnv(), {}, { autostart: false });
  const client = await new MonitorRig(commands, machine).client();
  const said = async (execute: string) =>
    (await client.ask({ execute })).map(({ event, return: answer }) => event ?? answer);
  const status = (name: string, running = false) => [{ running, singlestep: false, status: name }];
  expect(await said('query-status')).toEqual(status('prelaunch'));
  expect(await said('cont')).toEqual(['RESUME', {}]);
  expect(await said('query-status')).toEqual(status('running', true));
  expect(await said('stop')).toEqual(['STOP', {}]);
  expect(await said('stop')).toEqual([{}]);
  expect(await said('query-status')).toEqual(status('paused'));
  expect(await said('system_powerdown')).toEqual(['POWERDOWN', {}]);
  expect(await said('system_reset')).toEqual(['RESET', {}]);
  expect(await said('query-status')).toEqual(status('prelaunch'));
  await machine.close();
});

it('tells the name of a machine that has one', async () => {
  const rig = new MonitorRig();
  const client = await rig.client();
  expect(await client.execute('query-name')).toEqual({});
  rig.machine.name = 'guest';
  expect(await client.execute('query-name')).toEqual({ name: 'guest' });
  await rig.machine.close();
});
