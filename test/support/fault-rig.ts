/** A test disk with a filter on it, a guest and a job that use it, and a clock of the test. */

import { seededRandom } from '../../src/base/random.ts';
import type { BlockDriver, DriverDefinition } from '../../src/block/driver.ts';
import { BlockEdge } from '../../src/block/edge.ts';
import { BlockGraph } from '../../src/block/graph.ts';
import type { BlockNode } from '../../src/block/node.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { blkdebug, blkdebugOf } from '../../src/filters/blkdebug.ts';
import type { BlkdebugControl } from '../../src/filters/blkdebug-control.ts';
import { delay } from '../../src/filters/delay.ts';
import { TestDisk, type TestDiskOptions } from './drivers.ts';
import { FakeClock } from './fake-clock.ts';

export interface FaultRig {
  readonly clock: FakeClock;
  readonly graph: BlockGraph;
  readonly disk: TestDisk;
  readonly below: BlockNode;
  readonly node: BlockNode;
  /** That of the node. */
  readonly driver: BlockDriver;
  readonly guest: BlockEdge;
  readonly job: BlockEdge;
}

/** Opens a filter over a disk; discards reach the disk. */
export async function openFilter(
  options: { readonly driver: 'blkdebug' | 'delay'; readonly [option: string]: unknown },
  diskOptions: Partial<TestDiskOptions> = {},
): Promise<FaultRig> {
  const clock = new FakeClock();
  const env = { ...nodeEnv(), clock, random: seededRandom(1) };
  const disk = new TestDisk({ size: 65_536, ...diskOptions });
  const test: DriverDefinition = {
    summary: 'a test disk',
    options: () => ({}),
    open: async () => disk,
  };
  const drivers = new Map<string, BlockDriver>();
  const watch = (definition: DriverDefinition): DriverDefinition => ({
    ...definition,
    async open(own, context) {
      const opened = await definition.open(own, context);
      drivers.set(context.name, opened);
      return opened;
    },
  });
  const graph = new BlockGraph(env, { test, blkdebug: watch(blkdebug), delay: watch(delay) });
  const below = await graph.open({ driver: 'test', 'node-name': 'below', discard: 'unmap' });
  const common = { 'node-name': 'disk', discard: 'unmap', image: 'below' };
  const node = await graph.open({ ...common, ...options });
  const guest = new BlockEdge(node, { name: 'vda', kind: 'device' });
  const job = new BlockEdge(node, { name: 'mirror0', kind: 'job' });
  const driver = drivers.get(node.name);
  if (!driver) throw new Error('the node has another name');
  return { clock, graph, disk, below, node, driver, guest, job };
}

/** Opens a blkdebug with rules. */
export async function openFaults(
  rules: readonly Readonly<Record<string, unknown>>[],
  options: Readonly<Record<string, unknown>> = {},
  diskOptions: Partial<TestDiskOptions> = {},
): Promise<FaultRig & { readonly control: BlkdebugControl }> {
  const all = { driver: 'blkdebug', seed: 1, 'inject-error': rules, ...options } as const;
  const rig = await openFilter(all, diskOptions);
  const control = blkdebugOf(rig.node);
  if (!control) throw new Error('the node is no blkdebug');
  return { ...rig, control };
}

/** What a request that may throw at once ended with: `done` or the code of its error. */
export async function outcome(start: () => unknown): Promise<string> {
  try {
    await start();
    return 'done';
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : `? ${String(error)}`;
  }
}

/** Starts a request and says how it stands: `pending`, or what it ended with. */
export function begin(start: () => unknown): { state: string } {
  const begun = { state: 'pending' };
  const end = (state: string) => {
    begun.state = state;
  };
  void outcome(start).then(end);
  return begun;
}
