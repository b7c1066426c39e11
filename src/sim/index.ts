/**
 * The simulation for programs of others: `import { simulate } from 'mirrordisk/sim'`.
 *
 * @example
 * ```ts
 * import { simulate } from 'mirrordisk/sim';
 *
 * it('keeps what it has acknowledged', () => simulate({ guest, check, seeds: 500 }));
 * ```
 */

export type { Random } from '../base/random.ts';
export { DivergenceError } from './choosers/replay.ts';
export {
  NondeterminismError,
  type SimulationReport,
  simulate,
} from './simulate.ts';
export type { SimulatedDisk } from './simulate-disk.ts';
export { BoundError, SimulationError } from './simulate-failure.ts';
export type {
  CheckContext,
  DiskSetup,
  ErrorRule,
  ExploreSetup,
  FaultOptions,
  LieRule,
  MirrorSetup,
  Program,
  SimulatedClock,
  SimulateOptions,
  SimulationContext,
} from './simulate-options.ts';
export { isPowerCut, PowerCut } from './simulate-power-cut.ts';
export type { SimulatedOperation } from './simulate-request.ts';
export { MirrorDefectError, StandstillError } from './simulate-world.ts';
