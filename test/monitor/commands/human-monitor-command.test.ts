import { expect, it } from 'vitest';
import { MonitorRig } from '../../support/monitor-rig.ts';

it('human-monitor-command answers what is printed, as for a terminal', async () => {
  const client = await new MonitorRig().client();
  const type = (given: object) =>
    client.ask({ execute: 'human-monitor-command', arguments: { ...given } });
  expect(await type({ 'command-line': 'info block-jobs' })).toEqual([
    { return: 'No active jobs\r\n' },
  ]);
  expect(await type({ 'command-line': 'bogus', 'cpu-index': 0 })).toEqual([
    { return: "unknown command: 'bogus'\r\n" },
  ]);
  expect(await type({ 'command-line': '', 'cpu-index': 1 })).toMatchObject([
    { error: { desc: "Parameter 'cpu-index' expects a CPU number" } },
  ]);
});
