/** A node as queries tell of it. */

import { alignUp } from '../../../base/ranges.ts';
import type { DirtyBitmap } from '../../../bitmap/dirty-bitmap.ts';
import type { BlockNode } from '../../../block/node.ts';
import type { CacheOptions } from '../../../block/options.ts';
import type { ValueOf } from '../../../wire/qapi/type.ts';
import type { MonitorContext } from '../../command.ts';
import type { blockDeviceInfo, dirtyInfo, ImageInfo } from '../../schema/block-info.ts';
import { fileNameOf } from './file-name.ts';

type BlockDeviceInfo = ValueOf<typeof blockDeviceInfo>;
type BitmapInfo = ValueOf<typeof dirtyInfo>;

/** The unit in which QEMU counts sizes. */
const SECTOR_SIZE = 512;

/** Drivers whose images have a state, clean or not. */
const WITH_STATE: ReadonlySet<string> = new Set(['file']);
/** Drivers that do not tell what those below them take. */
const WITHOUT_ALLOCATION: ReadonlySet<string> = new Set(['blkdebug', 'blkverify']);

/** What is told of the limits of a disk that has none. */
const UNLIMITED = {
  bps: 0,
  bps_rd: 0,
  bps_wr: 0,
  iops: 0,
  iops_rd: 0,
  iops_wr: 0,
  bps_max: undefined,
  bps_rd_max: undefined,
  bps_wr_max: undefined,
  iops_max: undefined,
  iops_rd_max: undefined,
  iops_wr_max: undefined,
  bps_max_length: undefined,
  bps_rd_max_length: undefined,
  bps_wr_max_length: undefined,
  iops_max_length: undefined,
  iops_rd_max_length: undefined,
  iops_wr_max_length: undefined,
  iops_size: undefined,
  group: undefined,
} as const;

const CACHED: CacheOptions = { direct: false, noFlush: false };

/** How to describe a node. */
export interface DescribeOptions {
  /** Tell of no images that it is based on, or filters. */
  readonly flat: boolean;
  /** Pass over the filters of jobs that no user named. */
  readonly hidesImplicit?: boolean;
}

/** Describes a node that nobody limits. */
export async function describeNode(
  node: BlockNode,
  context: MonitorContext,
  options: DescribeOptions,
): Promise<BlockDeviceInfo> {
  const { driver, readOnly, detectZeroes, cache = CACHED } = node.options;
  const image = await describeImage(node, options);
  const bitmaps = bitmapsOf(node, context);
  return {
    ...UNLIMITED,
    file: fileNameOf(node),
    'node-name': node.name,
    ro: readOnly,
    drv: driver,
    backing_file: undefined,
    backing_file_depth: depthOf(image),
    encrypted: false,
    detect_zeroes: detectZeroes,
    image,
    cache: { writeback: true, direct: cache.direct, 'no-flush': cache.noFlush },
    write_threshold: node.writes.threshold,
    'dirty-bitmaps': bitmaps.length > 0 ? bitmaps : undefined,
  };
}

/** Describes an image and, unless `flat`, those behind it. */
async function describeImage(node: BlockNode, options: DescribeOptions): Promise<ImageInfo> {
  const next = options.flat ? undefined : imageBehind(node, options);
  const image = {
    filename: fileNameOf(node),
    format: node.options.driver,
    'actual-size': await allocatedSizeOf(node),
    'virtual-size': alignUp(node.size, SECTOR_SIZE),
    'cluster-size': node.clusterSize,
    ...(hasState(node) && { 'dirty-flag': false }),
  };
  return next ? { ...image, 'backing-image': await describeImage(next, options) } : image;
}

function imageBehind(
  { filtered, backing }: BlockNode,
  options: DescribeOptions,
): BlockNode | undefined {
  const next = filtered ?? backing;
  const isPassedOver = options.hidesImplicit && next?.options.implicit;
  return isPassedOver ? imageBehind(next, options) : next;
}

function depthOf(image: ImageInfo): number {
  const behind = image['backing-image'];
  return behind ? 1 + depthOf(behind) : 0;
}

function hasState({ options, children }: BlockNode): boolean {
  const [below] = children;
  return WITH_STATE.has(options.driver) || (below !== undefined && hasState(below));
}

/** What the storage of an image takes, without that of others behind it. */
async function allocatedSizeOf(node: BlockNode): Promise<number | undefined> {
  const own = await node.traits.allocatedSize?.();
  if (own !== undefined || WITHOUT_ALLOCATION.has(node.options.driver)) return own;
  const { filtered, backing, children } = node;
  const storage = filtered ? [filtered] : children.filter((child) => child !== backing);
  if (storage.length === 0) return undefined;
  const sizes = await Promise.all(storage.map(allocatedSizeOf));
  return sizes.reduce((sum, size) => (size === undefined ? sum : (sum ?? 0) + size));
}

/** The bitmaps of a node, the newest first; those of jobs have no name. */
function bitmapsOf(node: BlockNode, { machine }: MonitorContext): readonly BitmapInfo[] {
  const named = [...machine.bitmaps.of(node)].reverse();
  const known = new Set(named.map(([, bitmap]) => bitmap));
  const recording = [...node.bitmaps];
  const unnamed = recording.filter((bitmap) => !known.has(bitmap)).reverse();
  const describe = (bitmap: DirtyBitmap, name?: string): BitmapInfo => ({
    ...(name !== undefined && { name }),
    count: bitmap.dirtyGranules * bitmap.granularity,
    granularity: bitmap.granularity,
    recording: node.bitmaps.has(bitmap),
    busy: machine.bitmaps.isClaimed(bitmap),
    persistent: false,
  });
  const infos: BitmapInfo[] = [];
  for (const [name, bitmap] of named) {
    const isNewer = (other: DirtyBitmap) => recording.indexOf(other) > recording.indexOf(bitmap);
    for (let next = unnamed[0]; next && isNewer(next); next = unnamed[0]) {
      infos.push(describe(next));
      unnamed.shift();
    }
    infos.push(describe(bitmap, name));
  }
  return [...infos, ...unnamed.map((bitmap) => describe(bitmap))];
}
