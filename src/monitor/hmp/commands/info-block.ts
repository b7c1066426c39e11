/** The command `info block`: what drives and nodes there are. */

import type { ValueOf } from '../../../wire/qapi/type.ts';
import type { blockDeviceInfo, ImageInfo } from '../../schema/block-info.ts';
import { defineHmpCommand, executeQmp } from '../command.ts';
import { formatSize } from '../size-text.ts';

type NodeInfo = ValueOf<typeof blockDeviceInfo>;

/** What is told here of a drive, as `query-block` has it. */
interface DriveInfo {
  readonly device: string;
  readonly qdev?: string | undefined;
  readonly removable: boolean;
  readonly locked: boolean;
  readonly tray_open?: boolean | undefined;
  readonly 'io-status'?: string | undefined;
  readonly inserted?: NodeInfo | undefined;
}

const OPTIONS = '-n: show named nodes; -v: show details';

export const infoBlock = defineHmpCommand({
  name: 'block',
  parameters: 'nodes:-n,verbose:-v,device:B?',
  usage: '[-n] [-v] [device]',
  help: `show info of one block device or all block devices (${OPTIONS})`,
  async run({ nodes, verbose, device }, context) {
    const drives = nodes ? [] : await executeQmp<readonly DriveInfo[]>(context, 'query-block');
    const isWanted = (name: string | undefined) => device === undefined || device === name;
    let isFound = false;
    for (const [index, drive] of drives.entries()) {
      if (!isWanted(drive.device)) continue;
      // Before all but the very first, be they the first that is shown.
      if (index > 0) context.print('\n');
      const text = [...driveLines(drive), ...nodeLines(drive.inserted, verbose)];
      context.print(text.map((line) => `${line}\n`).join(''));
      isFound = true;
    }
    if (isFound || (device === undefined && !nodes)) return;
    const all = await executeQmp<readonly NodeInfo[]>(context, 'query-named-block-nodes');
    for (const [index, node] of all.entries()) {
      const name = node['node-name'];
      if (!isWanted(name)) continue;
      if (index > 0) context.print('\n');
      const text = [`${name}${summaryOf(node)}`, ...nodeLines(node, verbose)];
      context.print(text.map((line) => `${line}\n`).join(''));
    }
  },
});

function driveLines(drive: DriveInfo): readonly string[] {
  const { device, qdev, inserted, locked } = drive;
  const node = inserted?.['node-name'];
  const anonymous = node ?? qdev ?? '<anonymous>';
  const name = device === '' ? anonymous : `${device}${node === undefined ? '' : ` (${node})`}`;
  const lines = [`${name}${inserted ? summaryOf(inserted) : ': [not inserted]'}`];
  if (qdev !== undefined) lines.push(labelled('Attached to', qdev));
  const ioStatus = drive['io-status'] ?? 'ok';
  if (ioStatus !== 'ok') lines.push(labelled('I/O status', ioStatus));
  if (drive.removable) {
    const tray = drive.tray_open ? 'open' : 'closed';
    lines.push(labelled('Removable device', `${locked ? '' : 'not '}locked, tray ${tray}`));
  }
  return lines;
}

function summaryOf({ file, drv, ro, encrypted }: NodeInfo): string {
  return `: ${file} (${drv}${ro ? ', read-only' : ''}${encrypted ? ', encrypted' : ''})`;
}

function nodeLines(node: NodeInfo | undefined, verbose: boolean): readonly string[] {
  if (!node) return [];
  const { cache, backing_file: backing, detect_zeroes: detectZeroes } = node;
  const modes = [
    cache.writeback ? 'writeback' : 'writethrough',
    ...(cache.direct ? ['direct'] : []),
    ...(cache['no-flush'] ? ['ignore flushes'] : []),
  ];
  const lines = [labelled('Cache mode', modes.join(', '))];
  if (backing !== undefined) {
    lines.push(labelled('Backing file', `${backing} (chain depth: ${node.backing_file_depth})`));
  }
  if (detectZeroes !== 'off') lines.push(labelled('Detect zeroes', detectZeroes));
  if (LIMITS.some((name) => node[name] > 0)) lines.push(labelled('I/O throttling', limitsOf(node)));
  if (verbose) lines.push('', 'Images:', ...imageLines(node.image));
  return lines;
}

const LIMITS = ['bps', 'bps_rd', 'bps_wr', 'iops', 'iops_rd', 'iops_wr'] as const;

function limitsOf(node: NodeInfo): string {
  const rates = (['bps', 'iops'] as const).flatMap((unit) => [
    [unit, node[unit]],
    [`${unit}_rd`, node[`${unit}_rd`]],
    [`${unit}_wr`, node[`${unit}_wr`]],
    [`${unit}_max`, node[`${unit}_max`] ?? 0],
    [`${unit}_rd_max`, node[`${unit}_rd_max`] ?? 0],
    [`${unit}_wr_max`, node[`${unit}_wr_max`] ?? 0],
  ]);
  const all = [...rates, ['iops_size', node.iops_size ?? 0], ['group', node.group ?? '']];
  return all.map(([name, value]) => `${name}=${value}`).join(' ');
}

/** An image and those that it is based on, or that it filters. */
function imageLines(image: ImageInfo): readonly string[] {
  const size = image['virtual-size'];
  const { 'actual-size': stored, 'cluster-size': cluster, 'backing-image': next } = image;
  return [
    `image: ${image.filename}`,
    `file format: ${image.format}`,
    `virtual size: ${formatSize(size)} (${size} bytes)`,
    `disk size: ${stored === undefined ? 'unavailable' : formatSize(stored)}`,
    ...(cluster ? [`cluster_size: ${cluster}`] : []),
    ...(next ? imageLines(next) : []),
  ];
}

function labelled(label: string, value: string): string {
  return `    ${`${label}:`.padEnd(17)} ${value}`;
}
