/** Nodes by the names that commands give. */

import type { BlockNode } from '../../../block/node.ts';
import type { MonitorContext } from '../../command.ts';

/** How a command names a disk: by a device that uses it, or by its own name. */
export interface DiskName {
  readonly device?: string | undefined;
  readonly nodeName?: string | undefined;
}

/**
 * Finds the disk in a drive, or else a node by its name.
 *
 * @throws {BlockError} `ENODEV` when there is neither, or the drive is empty.
 */
export function findDisk({ machine }: MonitorContext, names: DiskName): BlockNode {
  return machine.drives.lookup(names);
}

/**
 * Finds the disk that one name stands for, which no other node is based on.
 *
 * @throws {BlockError} `ENODEV` when there is none, `EINVAL` when a node stands on it.
 */
export function findRoot(context: MonitorContext, name: string): BlockNode {
  return context.machine.drives.lookupRoot(name);
}
