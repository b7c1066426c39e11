/** A request as the faults see it: what kind it is, where it goes, and who began it. */

import type { EdgeParent } from '../block/parent.ts';

/** QEMU's BlkdebugIOType. */
export const OPERATIONS = [
  'read',
  'write',
  'write-zeroes',
  'discard',
  'flush',
  'block-status',
] as const;

export type FaultOperation = (typeof OPERATIONS)[number];

/** Where requests begin: a device's guest, a job, an export's client, or another node by itself. */
export const INITIATORS = ['guest', 'job', 'export', 'node'] as const;

export type Initiator = (typeof INITIATORS)[number];

/** A request, before anything has befallen it. */
export interface FaultRequest {
  readonly operation: FaultOperation;
  /** Bytes; 0 for a flush, and so is its length. */
  readonly offset: number;
  readonly length: number;
  readonly forceUnitAccess: boolean;
  readonly origin: EdgeParent | undefined;
}

/** Who began a request; a node, where nobody says. */
export function initiatorOf({ origin }: FaultRequest): Initiator {
  const kind = origin?.kind ?? 'node';
  return kind === 'device' ? 'guest' : kind;
}

/** What could not be done, for an error. */
export function describe({ operation, offset, length }: FaultRequest, nodeName: string): string {
  if (operation === 'flush') return `flush "${nodeName}"`;
  const verb = operation === 'block-status' ? 'query' : operation.replace('-', ' ');
  return `${verb} ${length} bytes at ${offset} of "${nodeName}"`;
}
