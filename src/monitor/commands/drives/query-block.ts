/** The command `query-block`: tells of the drives that users can name or that have a device. */

import { skipImplicit } from '../../../block/allocation.ts';
import type { Drive } from '../../../machine/drive.ts';
import { EMPTY } from '../../../wire/qapi/command.ts';
import { enumeration, list, optional, struct } from '../../../wire/qapi/composites.ts';
import { bool, str } from '../../../wire/qapi/scalars.ts';
import type { ValueOf } from '../../../wire/qapi/type.ts';
import { defineCommand, type MonitorContext } from '../../command.ts';
import { blockDeviceInfo } from '../../schema/block-info.ts';
import { describeNode } from '../nodes/describe.ts';
import { LIMIT_NAMES } from './set-io-throttle.ts';

const blockInfo = struct('BlockInfo', {
  device: str,
  qdev: optional(str),
  type: str,
  removable: bool,
  locked: bool,
  inserted: optional(blockDeviceInfo),
  tray_open: optional(bool),
  'io-status': optional(enumeration('BlockDeviceIoStatus', ['ok', 'failed', 'nospace'])),
});

export const queryBlock = defineCommand(
  {
    name: 'query-block',
    summary: 'Tells of all drives, and of what is in them',
    arguments: EMPTY,
    returns: list(blockInfo),
  },
  (_given, context) => {
    const { drives } = context.machine;
    const shown = drives.all.filter(({ name, device }) => name !== '' || device);
    return Promise.all(shown.map((drive) => describeDrive(drive, context)));
  },
);

async function describeDrive(
  drive: Drive,
  context: MonitorContext,
): Promise<ValueOf<typeof blockInfo>> {
  const { device } = drive;
  return {
    device: drive.name,
    qdev: device?.qdev,
    type: 'unknown',
    removable: drive.isRemovable,
    locked: false,
    inserted: await describeMedium(drive, context),
    tray_open: device?.tray?.isOpen,
    'io-status': device?.ioStatus,
  };
}

async function describeMedium(
  drive: Drive,
  context: MonitorContext,
): Promise<ValueOf<typeof blockDeviceInfo> | undefined> {
  if (!drive.medium) return undefined;
  const node = skipImplicit(drive.medium);
  const info = await describeNode(node, context, { flat: false, hidesImplicit: true });
  const { writeCache = true } = drive.options;
  const cache = { ...info.cache, writeback: drive.device?.writeback ?? writeCache };
  return { ...info, ...limitsOf(drive), cache };
}

/** The limits of a drive as they are told, bursts only where there are some. */
function limitsOf({ throttle }: Drive): Partial<ValueOf<typeof blockDeviceInfo>> {
  if (!throttle) return {};
  const { limits, group } = throttle;
  const told: Record<string, number | undefined> = { iops_size: limits['iops-size'] || undefined };
  for (const [name, kind] of Object.entries(LIMIT_NAMES)) {
    const max = limits[`${kind}-max`] || undefined;
    told[name] = limits[kind] ?? 0;
    told[`${name}_max`] = max;
    told[`${name}_max_length`] = max && (limits[`${kind}-max-length`] ?? 1);
  }
  return { ...told, group };
}
