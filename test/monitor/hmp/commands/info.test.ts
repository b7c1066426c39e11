import { describe, expect, it } from 'vitest';
import { HmpRig } from '../../../support/hmp-rig.ts';

async function info(
  item: string,
  answers: Readonly<Record<string, unknown>> = {},
  history: readonly string[] = [],
): Promise<string> {
  const functions = Object.entries(answers).map(([name, answer]) => [name, () => answer]);
  await using rig = new HmpRig(Object.fromEntries(functions));
  const printed = await rig.type(`info ${item}`, { history });
  return printed;
}

describe('info', () => {
  it('lists what it can tell of', async () => {
    const lines = (await info('')).trimEnd().split('\n');
    expect(lines.every((line) => line.startsWith('info '))).toBe(true);
    expect(lines).toContain('info status  -- show the current VM status (running|paused)');
  });

  it('tells of jobs', async () => {
    const job = { type: 'mirror', device: 'job0', offset: 1, len: 2, speed: 3 };
    expect(await info('block-jobs', { 'query-block-jobs': [job] })).toBe(
      'Type mirror, device job0: Completed 1 of 2 bytes, speed limit 3 bytes/s\n',
    );
    expect(await info('block-jobs', { 'query-block-jobs': [] })).toBe('No active jobs\n');
  });

  it('tells of the statistics of drives, and not of nodes', async () => {
    const stats = { rd_bytes: 1, wr_bytes: 2, idle_time_ns: 3 };
    const all = [{ stats }, { device: 'drive', stats }];
    expect(await info('blockstats', { 'query-blockstats': all })).toBe(
      'drive: rd_bytes=1 wr_bytes=2 rd_operations=0 wr_operations=0 flush_operations=0 ' +
        'wr_total_time_ns=0 rd_total_time_ns=0 flush_total_time_ns=0 rd_merged=0 wr_merged=0 ' +
        'idle_time_ns=3\n',
    );
  });

  it.each([
    [{ running: true, status: 'running' }, 'running'],
    [{ running: false, status: 'paused' }, 'paused'],
    [{ running: false, status: 'io-error' }, 'paused (io-error)'],
  ])('tells of the machine: %j', async (status, text) => {
    expect(await info('status', { 'query-status': status })).toBe(`VM status: ${text}\n`);
  });

  it('tells of names, versions, chardevs and what was typed', async () => {
    expect(await info('name', { 'query-name': { name: 'vm' } })).toBe('vm\n');
    expect(await info('name', { 'query-name': {} })).toBe('');
    expect(await info('version')).toMatch(/^7\.2\.\d+mirrordisk\n$/);
    const chardevs = [{ label: 'c', filename: 'unix:x' }];
    expect(await info('chardev', { 'query-chardev': chardevs })).toBe('c: filename=unix:x\n');
    expect(await info('history', {}, ['a', 'b'])).toBe("0: 'a'\n1: 'b'\n");
  });
});
