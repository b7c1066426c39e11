/** Makes a drive with a medium in it, or an empty one, as `-drive` does. */

import type { BlockEdge } from '../block/edge.ts';
import type { BlockNode } from '../block/node.ts';
import { copyingOnRead } from '../filters/copy-on-read.ts';
import type { ThrottleLimits } from '../filters/throttle-limits.ts';
import type { Drive, DriveOptions } from './drive.ts';
import type { Machine } from './machine.ts';
import { type ImageFile, openImage } from './open-image.ts';

/** A drive to be made. */
export interface DriveStart extends DriveOptions {
  /** What is in it; nothing, if it is to be empty. */
  readonly image?: ImageFile | undefined;
  /** What is written is kept in memory, and lost with the drive; the image is only read. */
  readonly snapshot?: boolean | undefined;
  /** What is read from behind the image, or the snapshot, is kept in it. */
  readonly copyOnRead?: boolean | undefined;
  readonly limits?: ThrottleLimits;
  /** With which drives it shares its limits. @default With nobody. */
  readonly group?: string | undefined;
}

/** How much of a snapshot is allocated at a time: as in qcow2. */
const CLUSTER_SIZE = 65_536;

/**
 * Makes it.
 *
 * @throws {BlockError} `EEXIST` for a name in use, `EINVAL` for limits that do not go together, and
 *   as `openImage`. Nothing is left of a failure.
 */
export async function openDrive(machine: Machine, start: DriveStart): Promise<Drive> {
  const { image, snapshot, copyOnRead = false, limits = {}, group, ...options } = start;
  const drive = machine.drives.add(options);
  const { isReadOnly: readOnly } = drive;
  try {
    machine.drives.throttle(drive, group ?? drive.name, limits);
    if (!image) return drive;
    const medium = snapshot
      ? await openSnapshot(machine, image, { readOnly })
      : await openImage(machine, image);
    const top = copyOnRead && !readOnly ? await withCopyOnRead(machine, medium) : medium;
    await machine.drives.insertOwn(drive, top);
    return drive;
  } catch (error) {
    await machine.drives.remove(drive);
    throw error;
  }
}

/** Opens an image under a layer that takes what is written. */
async function openSnapshot(
  machine: Machine,
  image: ImageFile,
  { readOnly }: { readonly readOnly: boolean },
): Promise<BlockNode> {
  const { graph } = machine;
  const behind = { 'read-only': 'on', 'auto-read-only': 'off', discard: 'ignore' };
  const base = await openImage(machine, { ...image, options: { ...image.options, ...behind } });
  try {
    const layer = await graph.open({
      driver: 'memory',
      size: base.size,
      backing: base.name,
      'cluster-size': CLUSTER_SIZE,
      'read-only': readOnly,
      discard: 'unmap',
      cache: { 'no-flush': true },
    });
    graph.disown(base);
    return layer;
  } catch (error) {
    await graph.close(base);
    throw error;
  }
}

/** Puts the filter over a disk that has another behind it: else there is nothing to copy. */
async function withCopyOnRead({ graph }: Machine, medium: BlockNode): Promise<BlockNode> {
  if (!medium.backing) return medium;
  const wrap = (child: BlockEdge) => copyingOnRead(child);
  const filter = await graph.insertFilter(medium, { driver: 'copy-on-read' }, wrap);
  graph.disown(medium);
  return filter;
}
