/**
 * A virtual disk in a few lines: what most programs want of a machine.
 *
 * A disk is a machine with one device on one image. Whoever reads and writes it is its guest.
 */

import { BlockError } from '../base/errors.ts';
import { DirtyBitmap, GRANULARITY_MAX } from '../bitmap/dirty-bitmap.ts';
import { drained } from '../block/drain.ts';
import type { BlockNode } from '../block/node.ts';
import type { BlockdevOptions } from '../block/options.ts';
import type { DeviceStatistics } from '../device/accounting.ts';
import { type GuestRequest, SECTOR_SIZE, STATUS } from '../device/request.ts';
import type { VirtioBlockDevice } from '../device/virtio-blk.ts';
import type { Env } from '../env/env.ts';
import { nodeEnv } from '../env/node.ts';
import type { MirrorJournal } from '../jobs/mirror/hold.ts';
import { DEFAULT_GRANULARITY, type MirrorOptions } from '../jobs/mirror/options.ts';
import { sleepUntil } from '../sync/alarm.ts';
import { type Image, imageOf } from './image-name.ts';
import { rawImage, targetImage } from './image-options.ts';
import { CLOSE_MS, Machine } from './machine.ts';
import { Mirror, type MirrorOutcome } from './mirror.ts';
import { demandPersistable, hasJournal, openJournal, removeJournal } from './persistence.ts';
import { type DiskServeOptions, ServedDisk } from './served-disk.ts';
import { demandEmpty, demandOther } from './target-export.ts';
import { TargetFile } from './target-file.ts';

/** How long a target that was given up may take to close, in milliseconds. */
const HUNG_MS = 1000;

/** How to open a disk. */
export interface DiskOptions {
  /** Refuse writes. @default false */
  readonly readOnly?: boolean;
  /** Go past the system's page cache, for an image in a file. @default false */
  readonly direct?: boolean;
  /** Open an image that another process writes to, for one in a file. @default false */
  readonly shared?: boolean;
  /**
   * Let discards and zeroes give storage back, for an image given by its name. Of a file only the
   * end can be given back, and a process that is killed at that moment leaves it short.
   *
   * @default false
   */
  readonly unmap?: boolean;
  /** The world it lives in; a simulation gives its own. */
  readonly env?: Env;
}

/** How to mirror a disk. */
export interface DiskMirrorOptions extends MirrorOptions {
  /** The id of the job. @default "mirror1", "mirror2", … */
  readonly id?: string;
  /** The result counts without {@link Mirror.finalize}. @default true */
  readonly autoFinalize?: boolean;
  /** Write over what an existing target holds. @default false */
  readonly overwrite?: boolean;
  /** Go past the system's page cache, for a target in a file. @default false */
  readonly direct?: boolean;
  /**
   * Record what may differ in a file beside the target, so that after a crash, or after
   * {@link Disk.close} in the middle, the same call goes on from there and copies only that; from
   * one file to another, with `sync` `full`. A guest write that begins to change a part of the disk
   * waits for the record. What is written to this disk before the call makes it copy everything;
   * what others write to either file while no mirror runs is not seen, and must not be.
   *
   * @default false
   */
  readonly persist?: boolean;
}

/**
 * Opens an image as a disk.
 *
 * @param image The path of a raw image, the URI of an NBD export (`nbd://host/export`), or QEMU's
 *   BlockdevOptions of any disk, such as `{ driver: 'memory', size: 1048576 }`.
 * @throws {BlockError} `ENOENT`, `EISDIR`, `EACCES` and the like for an image that cannot be
 *   opened, `EBUSY` for one that another process has open for writing, `EINVAL` for wrong options.
 */
export async function openDisk(
  image: string | BlockdevOptions,
  options: DiskOptions = {},
): Promise<Disk> {
  const machine = new Machine(options.env ?? nodeEnv());
  try {
    const opened = imageOf(image);
    const { readOnly = false, direct = false, shared = false, unmap = false } = options;
    const wishes = { readOnly, direct, shared, unmap };
    const node = await machine.graph.open(await rawImage(opened, machine.credentials, wishes));
    return new Disk(machine, node, opened);
  } catch (error) {
    await machine.close();
    throw error;
  }
}

export class Disk implements AsyncDisposable {
  /** The device as the guest's driver sees it; {@link Disk.read} and its like go through it. */
  readonly device: VirtioBlockDevice;
  readonly #machine: Machine;
  readonly #mirrors = new Set<Mirror>();
  /** Why requests failed: the status a device gives does not say. */
  readonly #errors = new WeakMap<GuestRequest, BlockError>();
  #node: BlockNode;
  /** To tell a target that is the same. */
  #image: Image;
  /** Whether somebody has written to it since it was opened, when no journal may have seen it. */
  #isChanged: () => boolean;
  #count = 0;

  /** Not for programs: {@link openDisk} makes disks. */
  constructor(machine: Machine, node: BlockNode, image: Image) {
    this.#machine = machine;
    this.#node = node;
    this.#image = image;
    this.#isChanged = image.kind === 'file' ? watchChanges(node) : () => true;
    const onError = (error: BlockError, request: GuestRequest) => this.#errors.set(request, error);
    // Nobody continues a disk by itself, so it never stops: errors are its guest's to deal with.
    const policies = { rerror: 'report', werror: 'report' } as const;
    const options = { name: 'disk', onError, ...policies, shareRw: true };
    this.device = machine.addDevice(node.name, options);
  }

  /** Bytes; a multiple of 512. */
  get size(): number {
    return this.device.capacity * SECTOR_SIZE;
  }

  /**
   * Reads bytes.
   *
   * @param offset A multiple of 512, as is `length`.
   * @throws {BlockError} What the disk failed with, usually `EIO`. {@link RangeError} for a range
   *   that is not on the disk.
   */
  async read(offset: number, length: number): Promise<Uint8Array> {
    const data = new Uint8Array(length);
    await this.#request({ type: 'in', sector: this.#sector(offset, length), data });
    return data;
  }

  /**
   * Writes bytes; they survive a crash of the machine after the next {@link Disk.flush}.
   *
   * @param offset A multiple of 512, as is the length of `data`, which must not change meanwhile.
   * @throws {BlockError} As for {@link Disk.read}; `EIO` also when the disk is read-only.
   */
  async write(offset: number, data: Uint8Array): Promise<void> {
    await this.#request({ type: 'out', sector: this.#sector(offset, data.length), data });
  }

  /** Makes a range read as zeroes, giving back storage where it can. Errors as for a write. */
  async writeZeroes(offset: number, length: number): Promise<void> {
    const sector = this.#sector(offset, length);
    const segments = [{ sector, sectors: length / SECTOR_SIZE, unmap: true }];
    await this.#request({ type: 'writeZeroes', segments });
  }

  /** Says that the bytes of a range are not needed any more. Errors as for a write. */
  async discard(offset: number, length: number): Promise<void> {
    const sector = this.#sector(offset, length);
    const segments = [{ sector, sectors: length / SECTOR_SIZE, unmap: false }];
    await this.#request({ type: 'discard', segments });
  }

  /** Makes durable every write that completed before. Errors as for a write. */
  async flush(): Promise<void> {
    await this.#request({ type: 'flush' });
  }

  /** Counts and latencies of the guest's requests. */
  statistics(): DeviceStatistics {
    return this.device.statistics();
  }

  /**
   * Starts to mirror the disk; from the moment this resolves no write is missed.
   *
   * A target given by its path is a raw image. When it does not exist it is made, and gets its name
   * when source and target have met; until then it has `.mirrordisk-partial` at its end. What
   * exists is not written over without `overwrite`.
   *
   * @param target A path, the URI of an NBD export, or QEMU's BlockdevOptions, of a disk of the
   *   same size.
   * @throws {BlockError} `EEXIST` for a target that may hold data, `EINVAL` for wrong options or
   *   the disk itself, and as {@link openDisk}. Nothing is left of a failure.
   */
  async mirror(target: string | BlockdevOptions, options: DiskMirrorOptions = {}): Promise<Mirror> {
    const { overwrite, direct = false, persist = false, id = this.#nextId(), ...rest } = options;
    const { graph, env, credentials } = this.#machine;
    const image = imageOf(target);
    const path = pathOf(image);
    const { sync } = options;
    if (persist) await demandPersistable(env.files, { source: this.#path, target: path, sync });
    const { file, isLeft = false } = path === undefined ? {} : await this.#find(path, options);
    let node: BlockNode | undefined;
    try {
      if (image.kind === 'nbd' && this.#image.kind === 'nbd') {
        demandOther(this.#image.uri, image.uri);
      }
      const current: Image = file ? { kind: 'file', path: file.path } : image;
      node = await graph.open(await targetImage(current, credentials, { direct }));
      if (image.kind === 'nbd' && !overwrite) await demandEmpty(node, image.uri);
      const ends = { source: this.#node, target: node };
      const nodes = { source: ends.source.name, target: node.name };
      const upkeep = {
        met: async () => file?.publish(),
        ended: async (outcome: MirrorOutcome, ended: Mirror) => {
          this.#mirrors.delete(ended);
          await this.#settle(outcome, ends, image);
          if (!ended.isKept) await file?.discard();
        },
      };
      const start = { id, ...nodes, ...rest };
      const begin = (journal?: MirrorJournal) =>
        Mirror.start(this.#machine, { ...start, journal }, upkeep);
      const mirror =
        persist && file && path !== undefined
          ? await this.#persisting(() => this.#journal(file.path, path, options), begin, isLeft)
          : await begin();
      this.#mirrors.add(mirror);
      return mirror;
    } catch (error) {
      if (node) await graph.close(node);
      // Another mirror may be at work on what was there before.
      if (!isLeft) await file?.discard();
      throw error;
    }
  }

  /**
   * Offers the disk to NBD clients, beside whoever uses {@link Disk.device}: at one address, until
   * {@link ServedDisk.close} or {@link Disk.close}. A switch to a mirror's target takes them along.
   *
   * @throws {BlockError} `EBUSY` when it is served already, `EADDRINUSE` and the like for an
   *   address that cannot be had, `EPERM` for writes to a read-only disk, `EINVAL` for a name that
   *   the protocol has no room for.
   */
  serve(options: DiskServeOptions): Promise<ServedDisk> {
    return ServedDisk.start(this.#machine, this.#node, options);
  }

  /**
   * Cancels mirrors by force, waits for requests in flight, and closes the image. A mirror with
   * `persist` can be gone on with later.
   */
  async close(): Promise<void> {
    const persisting = [...this.#mirrors].filter(({ isPersistent }) => isPersistent);
    if (persisting.length > 0) {
      // What it records holds only if nobody writes to the source after it.
      const { env, exports } = this.#machine;
      await sleepUntil(env.clock, CLOSE_MS, Promise.all([this.device.close(), exports.stop()]));
      const isStill = this.device.queueDepth === 0 && exports.server === undefined;
      if (isStill) for (const mirror of persisting) mirror.keep();
    }
    for (const mirror of this.#mirrors) {
      if (mirror.status !== 'null') await mirror.cancel({ force: true });
      await mirror.finished;
    }
    await this.#machine.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Closes the disk that the guest is not on. */
  async #settle(
    outcome: MirrorOutcome,
    { source, target }: { readonly source: BlockNode; readonly target: BlockNode },
    image: Image,
  ): Promise<void> {
    const switched = outcome.status === 'completed' && outcome.switched;
    if (switched) {
      this.#node = target;
      this.#image = image;
      this.#isChanged = () => true;
    }
    const closing = this.#machine.graph.close(switched ? source : target);
    // A target that never answers does not close either; nobody has to wait for it.
    const limitMs = outcome.status === 'completed' ? CLOSE_MS : HUNG_MS;
    await sleepUntil(this.#machine.env.clock, limitMs, closing);
  }

  /** The image's file, where it is one. */
  get #path(): string | undefined {
    return pathOf(this.#image);
  }

  /** Finds or makes the file to mirror to. @returns It, and whether another mirror has left it. */
  async #find(
    path: string,
    options: DiskMirrorOptions,
  ): Promise<{ readonly file: TargetFile; readonly isLeft?: boolean }> {
    const { files } = this.#machine.env;
    const { overwrite = false, persist = false } = options;
    const source = this.#path === undefined ? undefined : await files.status(this.#path);
    if (persist && !overwrite && (await hasJournal(files, path))) {
      const file = await TargetFile.find(files, path);
      if (file) return { file, isLeft: true };
    }
    // By a journal that is left here nobody could go on once the target is written over.
    await TargetFile.check(files, { path, overwrite, source });
    await removeJournal(files, path);
    const size = source?.size ?? this.#node.size;
    return { file: await TargetFile.prepare(files, { path, size, overwrite, source }) };
  }

  /** Starts a mirror with a journal, which may be left by another. */
  async #persisting(
    open: () => Promise<MirrorJournal>,
    begin: (journal: MirrorJournal) => Promise<Mirror>,
    isLeft: boolean,
  ): Promise<Mirror> {
    const start = async () => {
      let opened = await open();
      if (opened.resumed && this.#isChanged()) {
        await opened.journal.retire('invalid');
        opened = await open();
      }
      try {
        return await begin(opened);
      } catch (error) {
        // What went before still holds.
        if (opened.resumed) await opened.journal.close();
        else await opened.journal.retire('invalid');
        throw error;
      }
    };
    // Between the reading of what is left to copy and the mirror's hold a write would be missed.
    return isLeft ? drained(this.#node, start) : start();
  }

  async #journal(
    current: string,
    path: string,
    { granularity: given }: DiskMirrorOptions,
  ): Promise<MirrorJournal> {
    const { files } = this.#machine.env;
    const source = await files.status(this.#path ?? '');
    const target = await files.status(current);
    if (!source || !target) {
      throw new BlockError('ENOENT', `mirror to "${path}"`, 'a file has just been removed');
    }
    const granularity = given || DEFAULT_GRANULARITY;
    return openJournal(files, { source, target, path, size: this.#node.size, granularity });
  }

  #nextId(): string {
    this.#count += 1;
    return `mirror${this.#count}`;
  }

  #sector(offset: number, length: number): number {
    const end = offset + length;
    if (offset % SECTOR_SIZE !== 0 || length % SECTOR_SIZE !== 0) {
      const rule = `offset and length must be multiples of ${SECTOR_SIZE}`;
      throw new RangeError(`Cannot use ${length} bytes at ${offset}: ${rule}`);
    }
    if (!(offset >= 0 && length >= 0 && end <= this.size)) {
      const rule = `the disk has ${this.size} bytes`;
      throw new RangeError(`Cannot use ${length} bytes at ${offset}: ${rule}`);
    }
    return offset / SECTOR_SIZE;
  }

  async #request(request: GuestRequest): Promise<void> {
    const status = await this.device.request(request);
    if (status === STATUS.OK) return;
    const action = `carry out a request of type "${request.type}"`;
    throw this.#errors.get(request) ?? new BlockError('EIO', action, 'the disk refused it');
  }
}

/** @returns Whether the node's bytes have changed since. */
function watchChanges(node: BlockNode): () => boolean {
  // That is all there is to know, so a bit may stand for much.
  const changed = new DirtyBitmap(node.size, GRANULARITY_MAX);
  node.track(changed);
  return () => changed.dirtyBytes > 0;
}

function pathOf(image: Image): string | undefined {
  return image.kind === 'file' ? image.path : undefined;
}
