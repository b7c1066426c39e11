import { describe, expect, it } from 'vitest';
import { nodeEnv } from '../../src/env/node.ts';
import { Machine } from '../../src/machine/machine.ts';
import { commands } from '../../src/monitor/commands/index.ts';
import { tracedCommands, traceJobs, tracePoints } from '../../src/monitor/tracing.ts';
import { MonitorRig } from '../support/monitor-rig.ts';

/** A monitor of a machine with two disks, whose trace points are written down. */
async function makeTraced() {
  const lines: string[] = [];
  const points = new Set<string>();
  const trace = (point: string, text: string) => {
    points.add(point);
    lines.push(`${point} ${text}`);
  };
  const env = { ...nodeEnv(), trace };
  const machine = new Machine(env);
  traceJobs(machine, env);
  for (const name of ['a', 'b']) {
    await machine.graph.open({ driver: 'memory', 'node-name': name, size: 65536 });
  }
  await machine.graph.find('a').write(0, new Uint8Array(65536).fill(1));
  const rig = new MonitorRig(tracedCommands(commands, env), machine);
  return { machine, client: await rig.client(), lines, points };
}

describe('the trace points', () => {
  it('tell of each command, and what became of it', async () => {
    const { machine, client, lines } = await makeTraced();
    await client.execute('block-export-del', { id: 'x' });
    await client.execute('query-block-jobs');
    expect(lines).toEqual([
      'qmp_enter_block_export_del {"id": "x"}',
      "qmp_exit_block_export_del Export 'x' is not found 0",
      'qmp_enter_query_block_jobs {}',
      'qmp_exit_query_block_jobs [] 1',
    ]);
    await machine.close();
  });

  it('tell of a mirror from its beginning to its end', async () => {
    const { machine, client, lines, points } = await makeTraced();
    const ready = new Promise<void>((resolve) => {
      machine.subscribe(({ event }) => event === 'BLOCK_JOB_READY' && resolve());
    });
    const mirror = { 'job-id': 'j', device: 'a', target: 'b', sync: 'full' };
    await client.execute('blockdev-mirror', mirror);
    await ready;
    await client.execute('job-cancel', { id: 'j' });
    await machine.jobs.find('j')?.finished;
    const start = lines.indexOf('mirror_start bs a s j');
    const copied = lines.indexOf('mirror_iteration_done s j offset 0 bytes 65536 ret 0');
    const flushed = lines.indexOf('mirror_before_flush s j');
    expect([start >= 0, copied > start, flushed > copied]).toEqual([true, true, true]);
    const last = 'job_state_transition job j attempting allowed transition (concluded-->null)';
    expect(lines).toContain(last);
    // Another one of the same name begins anew.
    await client.execute('blockdev-mirror', mirror);
    const first = 'job_state_transition job j attempting allowed transition (undefined-->created)';
    expect(lines.filter((line) => line === first)).toHaveLength(2);
    // Whatever is told can be asked for.
    expect(tracePoints(commands)).toEqual(expect.arrayContaining([...points]));
    await machine.close();
  });
});
