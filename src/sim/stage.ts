/** What a world stands on: its two disks, as drivers of a machine. */

import { type BlockDriver, type DriverRegistry, defineDriver } from '../block/driver.ts';
import type { BlockGraph } from '../block/graph.ts';
import { blockdevOptionsOf } from '../block/options.ts';
import { wholeOf } from '../wire/qapi/type.ts';
import { GUEST_NAME, SimDisk } from './disk.ts';
import { type Scenario, sizeOf } from './scenario.ts';
import type { DiskName, Turnstile } from './turnstile.ts';

/** Of their own they have none. */
const noOptions = () => ({});

/**
 * The options of both nodes. They are checked here and once: to check any, a machine makes the type
 * of the options of all its drivers, which is as much work as a short world.
 */
const NODE_OPTIONS = (['source', 'target'] as const).map((name) => {
  const driver = `sim-${name}`;
  const type = blockdevOptionsOf({ [driver]: { options: noOptions } });
  return type.read({ driver, 'node-name': name, discard: 'unmap' }, wholeOf('json'));
});

/** Makes the disks of a scenario. */
export function newDisks(
  scenario: Scenario,
  turnstile: Turnstile,
): Readonly<Record<DiskName, SimDisk>> {
  const keepsDurable = scenario.faults.some(({ type }) => type === 'power-cut');
  const make = (name: DiskName) =>
    new SimDisk({
      name,
      size: sizeOf(scenario, name),
      shape: scenario[name],
      turnstile,
      keepsDurable,
    });
  return { source: make('source'), target: make('target') };
}

/** Makes drivers `sim-source` and `sim-target` of them. */
export function driversOf(
  { source, target }: Readonly<Record<DiskName, SimDisk>>,
  wrap: (disk: SimDisk) => BlockDriver = (disk) => disk,
): DriverRegistry {
  const driverOf = (disk: SimDisk) =>
    defineDriver(noOptions, { summary: 'A simulated disk', open: async () => wrap(disk) });
  return { 'sim-source': driverOf(source), 'sim-target': driverOf(target) };
}

/** Opens both as nodes, `source` and `target`. */
export async function openDisks(graph: BlockGraph): Promise<void> {
  for (const options of NODE_OPTIONS) await graph.openChecked(options);
}

/** The disk that requests of the guest end at, through whatever filters. */
export function guestDiskOf(graph: BlockGraph): DiskName {
  for (const start of graph.nodes) {
    const isGuests = [...start.parents].some(({ parent }) => parent.name === GUEST_NAME);
    if (!isGuests) continue;
    let node: typeof start | undefined = start;
    while (node?.filtered) node = node.filtered;
    return node?.name === 'target' ? 'target' : 'source';
  }
  return 'source';
}
