/** Small worlds that several tests explore. */

import { type GuestStep, type ScenarioParts, scenario } from '../../src/sim/scenario.ts';

export function write(sector: number, sectors = 1, more: Partial<GuestStep> = {}): GuestStep {
  return { type: 'write', sector, sectors, ...more };
}

export function read(sector: number, sectors = 1, more: Partial<GuestStep> = {}): GuestStep {
  return { type: 'read', sector, sectors, ...more };
}

export const FLUSH: GuestStep = { type: 'flush', sector: 0, sectors: 0 };

const BLOCKING = { granularity: 512, bufSize: 8192, copyMode: 'write-blocking' } as const;
const COARSE = { granularity: 1024, bufSize: 16_384 } as const;
/** Requests of the target take effect when they are answered: half the choices. */
const AT_ONCE = { stages: 1 } as const;
const TARGET_FAILS = {
  type: 'error',
  disk: 'target',
  operations: ['write', 'writeZeroes', 'flush'],
  code: 'EIO',
  times: 1,
} as const;

/** Worlds that are explored whole, by name. */
export const WORLDS: Readonly<Record<string, ScenarioParts>> = {
  'two granules, two writes': { guest: { requests: [write(0), write(1)] } },
  'two writes to one place': {
    sectors: 1,
    target: AT_ONCE,
    guest: { requests: [write(0), write(0)], overlap: true },
  },
  'a write and a read of one place': {
    sectors: 1,
    guest: { requests: [write(0), read(0)], overlap: true },
  },
  'writes that share a granule': {
    mirror: COARSE,
    guest: { requests: [write(0), write(1)] },
  },
  'writes to both disks': {
    mirror: BLOCKING,
    target: AT_ONCE,
    guest: { requests: [write(0), write(1)] },
  },
  'overlapping writes to both disks': {
    sectors: 1,
    mirror: BLOCKING,
    guest: { requests: [write(0), write(0)], overlap: true },
  },
  'parts of a granule to both disks': {
    mirror: { ...COARSE, copyMode: 'write-blocking' },
    guest: { requests: [write(0), write(1)] },
  },
  'a cancel at any moment': {
    target: AT_ONCE,
    guest: { requests: [write(0)] },
    verbs: [{ verb: 'cancel' }],
  },
  'a forced cancel at any moment': {
    target: AT_ONCE,
    guest: { requests: [write(0)] },
    verbs: [{ verb: 'cancel-force' }],
  },
  'a pause and a resume at any moment': {
    target: AT_ONCE,
    guest: { requests: [write(0)] },
    verbs: [{ verb: 'pause' }, { verb: 'resume' }, { verb: 'complete' }],
  },
  'a start at any moment': {
    start: 'any',
    target: AT_ONCE,
    guest: { requests: [write(0), write(1)] },
  },
  'time that does not wait': {
    hasteMax: 2,
    target: AT_ONCE,
    guest: { requests: [write(0)] },
  },
  'reads and writes across the switch': {
    target: AT_ONCE,
    guest: { requests: [write(0), write(0, 1, { from: 'ready' }), read(0, 2, { from: 'ready' })] },
  },
  'a target that fails once': {
    target: AT_ONCE,
    guest: { requests: [write(0)] },
    faults: [TARGET_FAILS],
  },
  'a target that fails once, and a job that stops': {
    mirror: { granularity: 512, bufSize: 8192, onTargetError: 'stop' },
    target: AT_ONCE,
    guest: { requests: [write(0)] },
    faults: [TARGET_FAILS],
  },
  'a source that fails once, having written or not': {
    mirror: { granularity: 512, bufSize: 8192, onSourceError: 'stop' },
    target: AT_ONCE,
    guest: { requests: [write(0)] },
    faults: [
      {
        type: 'error',
        disk: 'source',
        operations: ['read', 'write'],
        code: 'EIO',
        times: 1,
        applied: ['nothing', 'all'],
      },
    ],
  },
  'a target that once never answers, and a forced cancel': {
    source: AT_ONCE,
    target: { stages: 1, cancels: false },
    mirror: BLOCKING,
    guest: { requests: [write(0)] },
    verbs: [{ verb: 'cancel-force' }],
    faults: [
      { type: 'stall', disk: 'target', operations: ['write', 'flush'], times: 1, until: 'never' },
    ],
  },
  'a drain at any moment': {
    source: AT_ONCE,
    target: AT_ONCE,
    mirror: BLOCKING,
    guest: { requests: [write(0)] },
    verbs: [{ verb: 'drain' }, { verb: 'drain' }, { verb: 'complete' }],
  },
  'a change of the copy mode at any moment, and back': {
    source: AT_ONCE,
    target: AT_ONCE,
    sectors: 1,
    guest: { requests: [write(0), write(0)], overlap: true },
    verbs: [{ verb: 'write-blocking' }, { verb: 'background' }, { verb: 'complete' }],
  },
  'a power cut at any moment': {
    sectors: 1,
    guest: { requests: [write(0), FLUSH, write(0, 1, { from: 'end' })] },
    faults: [{ type: 'power-cut' }],
  },
  'zeroes, where the target zeroes fast': {
    target: { stages: 1, operations: ['writeZeroes'] },
    source: { stages: 1, zeroSectors: [1], operations: ['writeZeroes', 'blockStatus'] },
    guest: { requests: [{ type: 'zeroes', sector: 0, sectors: 1 }, write(1)] },
  },
  'a discard': {
    source: { stages: 2, operations: ['discard'] },
    target: AT_ONCE,
    guest: { requests: [{ type: 'discard', sector: 0, sectors: 1 }, write(1)] },
  },
};

export function worldOf(name: string) {
  return scenario({ name, ...WORLDS[name] });
}
