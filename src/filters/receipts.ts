/**
 * What became of the rules of faults: whether a fault that was asked for has in fact happened, to
 * which requests, and when.
 */

import type { FaultOperation, FaultRequest, Initiator } from './fault-request.ts';
import { initiatorOf } from './fault-request.ts';

/** How many of the requests that a rule befell are remembered, the last ones. */
export const REQUESTS_KEPT_MAX = 32;

/** A request that a fault befell. */
export interface ReceiptRequest {
  readonly operation: FaultOperation;
  /** Bytes, as they were asked for. */
  readonly offset: number;
  readonly length: number;
  readonly initiator: Initiator;
  /** The name of the device, job, export or node that began it, if it is known. */
  readonly origin: string | undefined;
  /** Since the filter was opened. */
  readonly atMs: number;
}

/** The account of one rule. */
export interface FaultReceipt {
  readonly id: string;
  /** The rule as it was given. */
  readonly rule: Readonly<Record<string, unknown>>;
  /** It may fire yet: it was not disarmed, its count is not used up, its time is not over. */
  readonly armed: boolean;
  /** Requests that met its conditions while it was armed, and no rule before it had taken. */
  readonly matched: number;
  /** Those of them that it befell. */
  readonly fired: number;
  /** Those of them that wait now, because they hang or are delayed. */
  readonly held: number;
  /** The last that it befell, {@link REQUESTS_KEPT_MAX} at most, the oldest first. */
  readonly requests: readonly ReceiptRequest[];
}

/** Remembers the last requests that a rule befell. */
export class RequestLog {
  readonly #kept: ReceiptRequest[] = [];

  /** The oldest first. */
  get requests(): readonly ReceiptRequest[] {
    return [...this.#kept];
  }

  add(request: FaultRequest, atMs: number): void {
    const { operation, offset, length, origin } = request;
    if (this.#kept.length === REQUESTS_KEPT_MAX) this.#kept.shift();
    const initiator = initiatorOf(request);
    this.#kept.push({ operation, offset, length, initiator, origin: origin?.name, atMs });
  }
}
