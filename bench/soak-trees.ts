/** The disks of a round of the soak: a disk in memory, and filters over it in any order. */

import type { Random } from '../src/base/random.ts';
import type { BlockdevOptions } from '../src/index.ts';
import { chance, pick } from './soak-draw.ts';

const MIB = 1024 * 1024;
/** Slower disks are smaller, for they are read several times. */
const THROTTLED_MAX = 9 * MIB;

export interface TreeOptions {
  readonly role: 'source' | 'target';
  readonly size: number;
  /** It needs a filter for faults. */
  readonly isFaulty: boolean;
  /** It needs a write cache on top. */
  readonly isCached?: boolean;
}

/** What the filters of a tree are called, and its disk. */
export const NAMES = {
  top: (role: 'source' | 'target') => role,
  disk: (role: 'source' | 'target') => `${role}-disk`,
  faults: (role: 'source' | 'target') => `${role}-faults`,
  cache: (role: 'source' | 'target') => `${role}-cache`,
} as const;

type Layer = (below: BlockdevOptions) => BlockdevOptions;

/** Draws the options of a disk; its top node has the name of its role. */
export function drawTree(random: Random, options: TreeOptions): BlockdevOptions {
  const { role, size, isFaulty, isCached = false } = options;
  const disk = NAMES.disk(role);
  const clusterSize = pick(random, [0, 0, 0, 4096, 65_536]);
  let tree: BlockdevOptions = {
    ...{ driver: 'memory', 'node-name': disk, size },
    ...(clusterSize === 0 ? {} : { 'cluster-size': clusterSize }),
  };
  const layers = drawLayers(random, options);
  if (isFaulty) layers.push((image) => debug(random, role, image));
  for (const layer of shuffled(random, layers)) tree = layer(tree);
  if (isCached) tree = cache(random, role, tree);
  const discard = pick(random, ['unmap', 'unmap', 'ignore']);
  const detect = discard === 'unmap' ? ['off', 'off', 'on', 'unmap'] : ['off', 'on'];
  const common = { discard, 'detect-zeroes': pick(random, detect) };
  // A throttle without limits: a node that has the name of the role, whatever is below.
  return { driver: 'throttle', 'node-name': role, limits: {}, file: tree, ...common };
}

function drawLayers(random: Random, { role, size, isCached = false }: TreeOptions): Layer[] {
  const layers: Layer[] = [];
  if (chance(random, 0.35)) layers.push((image) => delay(random, image));
  if (size <= THROTTLED_MAX && chance(random, 0.25)) layers.push((file) => throttle(random, file));
  if (!isCached && chance(random, 0.25)) layers.push((image) => cache(random, role, image));
  return layers;
}

function delay(random: Random, image: BlockdevOptions): BlockdevOptions {
  return {
    driver: 'delay',
    image,
    'read-ms': pick(random, [0, 0, 0.5, 2]),
    'write-ms': pick(random, [0, 0.5, 2, 4]),
    'flush-ms': pick(random, [0, 5, 20]),
    'zeroes-ms': pick(random, [0, 1]),
    'discard-ms': pick(random, [0, 1]),
    'p99-factor': pick(random, [1, 4]),
    seed: random.uint32(),
  };
}

function throttle(random: Random, file: BlockdevOptions): BlockdevOptions {
  const limits = pick<object>(random, [
    { 'bps-total': 24 * MIB },
    { 'bps-write': 16 * MIB, 'bps-write-max': 64 * MIB },
    { 'iops-total': 2000 },
    { 'iops-write': 1000, 'iops-size': 65_536 },
  ]);
  return { driver: 'throttle', limits, file };
}

function cache(random: Random, role: TreeOptions['role'], image: BlockdevOptions): BlockdevOptions {
  return {
    ...{ driver: 'write-cache', 'node-name': NAMES.cache(role), image },
    size: pick(random, [65_536, MIB, 16 * MIB]),
    'on-power-cut': pick(random, ['lose', 'reorder', 'tear']),
    seed: random.uint32(),
  };
}

function debug(random: Random, role: TreeOptions['role'], image: BlockdevOptions): BlockdevOptions {
  return {
    ...{ driver: 'blkdebug', 'node-name': NAMES.faults(role), image },
    seed: random.uint32(),
  };
}

function shuffled<T>(random: Random, list: readonly T[]): readonly T[] {
  const rest = [...list];
  return list.flatMap(() => rest.splice(random.below(rest.length), 1));
}
