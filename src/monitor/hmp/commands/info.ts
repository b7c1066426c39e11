/** The family `info`, but for `info block`. */

import type { RunStatus } from '../../../machine/run-state.ts';
import type { ValueOf } from '../../../wire/qapi/type.ts';
import type { blockJobInfo } from '../../schema/job.ts';
import { VERSION } from '../../version.ts';
import { defineHmpCommand, executeQmp, type HmpContext, type HmpFamily } from '../command.ts';
import { explain } from './help.ts';
import { infoBlock } from './info-block.ts';

/** A command without arguments. */
function query(name: string, help: string, run: (context: HmpContext) => Promise<void> | void) {
  const form = { name, parameters: '', usage: '', help } as const;
  return defineHmpCommand({ ...form, run: (_given, context) => run(context) });
}

const jobs = query(
  'block-jobs',
  'show progress of ongoing block device operations',
  async (context) => {
    const all = await executeQmp<readonly ValueOf<typeof blockJobInfo>[]>(
      context,
      'query-block-jobs',
    );
    if (all.length === 0) context.print('No active jobs\n');
    for (const { type, device, offset, len, speed } of all) {
      const progress = `Completed ${offset} of ${len} bytes, speed limit ${speed} bytes/s`;
      context.print(`Type ${type}, device ${device}: ${progress}\n`);
    }
  },
);

/** Those of `query-blockstats` that are told, in this order. */
const STATISTICS = [
  'rd_bytes',
  'wr_bytes',
  'rd_operations',
  'wr_operations',
  'flush_operations',
  'wr_total_time_ns',
  'rd_total_time_ns',
  'flush_total_time_ns',
  'rd_merged',
  'wr_merged',
  'idle_time_ns',
] as const;

/** What is told here of a drive. */
interface DriveStatistics {
  readonly device?: string | undefined;
  readonly stats: Readonly<Partial<Record<(typeof STATISTICS)[number], number>>>;
}

const statistics = query('blockstats', 'show block device statistics', async (context) => {
  const all = await executeQmp<readonly DriveStatistics[]>(context, 'query-blockstats');
  for (const { device, stats } of all) {
    if (device === undefined) continue;
    const figures = STATISTICS.map((name) => `${name}=${stats[name] ?? 0}`);
    context.print(`${device}: ${figures.join(' ')}\n`);
  }
});

const chardevs = query('chardev', 'show the character devices', async (context) => {
  interface Chardev {
    readonly label: string;
    readonly filename: string;
  }
  const all = await executeQmp<readonly Chardev[]>(context, 'query-chardev');
  for (const { label, filename } of all) context.print(`${label}: filename=${filename}\n`);
});

const history = query('history', 'show the command line history', ({ history: lines, print }) => {
  for (const [index, line] of lines.entries()) print(`${index}: '${line}'\n`);
});

const machineName = query('name', 'show the current VM name', async (context) => {
  const { name } = await executeQmp<{ readonly name?: string }>(context, 'query-name');
  if (name !== undefined) context.print(`${name}\n`);
});

const status = query('status', 'show the current VM status (running|paused)', async (context) => {
  interface Status {
    readonly running: boolean;
    readonly status: RunStatus;
  }
  const { running, status: detail } = await executeQmp<Status>(context, 'query-status');
  const isSpecial = !running && detail !== 'paused';
  const state = `${running ? 'running' : 'paused'}${isSpecial ? ` (${detail})` : ''}`;
  context.print(`VM status: ${state}\n`);
});

const version = query('version', 'show the version of QEMU', ({ print }) => {
  const { major, minor, micro } = VERSION.qemu;
  print(`${major}.${minor}.${micro}${VERSION.package}\n`);
});

const queries = [infoBlock, jobs, statistics, chardevs, history, machineName, status, version];

export const info: HmpFamily = {
  ...defineHmpCommand({
    name: 'info',
    parameters: 'item:s?',
    usage: '[subcommand]',
    help: 'show various information about the system state',
    run: (_given, { print }) => explain([], { commands: queries, prefix: ['info'], print }),
  }),
  commands: queries,
};
