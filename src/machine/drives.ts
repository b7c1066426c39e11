/**
 * The drives of a machine, by name, and the ways in which commands name a disk.
 *
 * Drives and nodes share one space of names, so that a command may take either.
 */

import { BlockError } from '../base/errors.ts';
import type { BlockGraph } from '../block/graph.ts';
import type { BlockNode } from '../block/node.ts';
import type { Clock } from '../env/env.ts';
import type { ThrottleGroups } from '../filters/throttle-groups.ts';
import { checkLimits, type ThrottleLimits } from '../filters/throttle-limits.ts';
import { Drive, type DriveOptions } from './drive.ts';
import { DriveThrottle } from './drive-throttle.ts';

/** The parts of a machine that drives need. */
export interface DrivesParts {
  readonly graph: BlockGraph;
  readonly groups: ThrottleGroups;
  readonly clock: Clock;
  /** The medium of a drive is about to be taken out. */
  readonly onEject: (drive: Drive) => Promise<void>;
}

/** By what a command names a disk: a drive's name, a node's, or one that may be either's. */
export interface DiskNames {
  readonly device?: string | undefined;
  readonly nodeName?: string | undefined;
}

export class Drives {
  readonly #parts: DrivesParts;
  readonly #drives = new Set<Drive>();

  constructor(parts: DrivesParts) {
    this.#parts = parts;
    parts.graph.names.shareWith((name) => this.find(name) !== undefined);
  }

  /** The oldest first. */
  get all(): readonly Drive[] {
    return [...this.#drives];
  }

  /** @param name Not empty. */
  find(name: string): Drive | undefined {
    return this.all.find((drive) => drive.name === name && name !== '');
  }

  /** The name of the drive that a disk is in, given its own name or that; or nothing. */
  nameFor(disk: string): string {
    const inDrive = this.all.find(({ name, medium }) => name !== '' && medium?.name === disk);
    return (this.find(disk) ?? inDrive)?.name ?? '';
  }

  /** Makes an empty drive. @throws {BlockError} `EEXIST` for a name in use. */
  add(options: DriveOptions): Drive {
    const { name } = options;
    if (name !== '') this.#demandName(name);
    const drive = new Drive(options, this.#parts.clock);
    this.#drives.add(drive);
    return drive;
  }

  /**
   * Puts a node into a drive that was opened only for it, and closes when its last user leaves.
   *
   * @throws {BlockError} As {@link Drive.insert}; the node is closed then.
   */
  async insertOwn(drive: Drive, node: BlockNode): Promise<void> {
    const { graph } = this.#parts;
    try {
      drive.insert(node);
      graph.disown(node);
    } catch (error) {
      await graph.close(node);
      throw error;
    }
  }

  /** Takes the medium out of a drive, and closes what was opened only for it. */
  async eject(drive: Drive): Promise<void> {
    await this.#parts.onEject(drive);
    await drive.eject();
    await this.#parts.graph.closeUnused();
  }

  /** Forgets a drive of which nothing is in flight, nor ever was. */
  discard(drive: Drive): void {
    this.#drives.delete(drive);
    drive.edge?.close();
  }

  /** Empties a drive and forgets it. */
  async remove(drive: Drive): Promise<void> {
    this.#drives.delete(drive);
    drive.limit(undefined);
    await this.eject(drive);
  }

  /**
   * Limits what the devices of a group may ask for, a drive joining it; all 0 is no limit.
   *
   * @throws {BlockError} `EINVAL` for limits that do not go together; nothing has changed then.
   */
  throttle(drive: Drive, group: string, limits: ThrottleLimits): void {
    const { groups, clock } = this.#parts;
    checkLimits(limits);
    const isLimited = Object.entries(limits).some(
      ([name, value]) => !/-(max|max-length|size)$/.test(name) && value !== 0,
    );
    if (!isLimited) {
      drive.limit(undefined);
      return;
    }
    if (drive.throttle?.group !== group) drive.limit(new DriveThrottle(groups, group, clock));
    groups.find(group).setLimits(limits);
  }

  /**
   * Finds a node by a drive's name or its own.
   *
   * @throws {BlockError} `ENODEV` when neither is there, or the drive is empty.
   */
  lookup({ device, nodeName }: DiskNames): BlockNode {
    const drive = device === undefined ? undefined : this.find(device);
    if (drive) {
      if (drive.medium) return drive.medium;
      throw missing(`Device '${device}' has no medium`);
    }
    const node = this.#parts.graph.nodes.find(({ name }) => name === nodeName);
    if (node) return node;
    throw missing(`Cannot find device='${device ?? ''}' nor node-name='${nodeName ?? ''}'`);
  }

  /**
   * Finds a node on which no other node stands, and that no job is part of.
   *
   * @param name A drive's or its own.
   * @throws {BlockError} `ENODEV` as {@link Drives.lookup}, `EINVAL` for one below others.
   */
  lookupRoot(name: string): BlockNode {
    const node = this.lookup({ device: name, nodeName: name });
    const isWithin = [...node.parents].some(
      ({ owner, parent }) => owner || (parent.kind === 'job' && parent.role !== undefined),
    );
    if (!isWithin) return node;
    throw new BlockError('EINVAL', `use "${name}"`, 'Need a root block node');
  }

  #demandName(name: string): void {
    const refuse = (reason: string) => new BlockError('EEXIST', `make the drive "${name}"`, reason);
    if (this.find(name)) throw refuse(`Device with id '${name}' already exists`);
    if (this.#parts.graph.nodes.some((node) => node.name === name)) {
      throw refuse(`Device name '${name}' conflicts with an existing node name`);
    }
  }
}

function missing(reason: string): BlockError {
  return new BlockError('ENODEV', 'find a disk', reason);
}
