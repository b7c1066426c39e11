/**
 * What a power cut can make of requests that were acknowledged and not flushed.
 *
 *     lose      none of them has reached the disk
 *     reorder   some of them have, whichever they are, each whole
 *     tear      the same, and of one perhaps only the first sectors
 *
 * Where two that have reached the disk overlap, the later one is what it reads as: a cache holds
 * one version of a sector. That it reads as the earlier is the case in which the later was lost.
 */

import type { Random } from '../base/random.ts';
import { alignDown, type ByteRange } from '../base/ranges.ts';
import { type CachedKind, type CachedRequest, shortened } from './write-cache-requests.ts';

export type PowerCutPolicy = 'lose' | 'reorder' | 'tear';

/** A disk writes a sector whole or not at all. */
const SECTOR_LENGTH = 512;

/** A request of which only the beginning has reached the disk. */
export interface TornRequest {
  readonly request: CachedRequest;
  /** Bytes that have; to a multiple of 512 of the disk. */
  readonly keptLength: number;
}

/** What has become of each request, the oldest first. */
export interface PowerCutOutcome {
  readonly kept: readonly CachedRequest[];
  readonly lost: readonly CachedRequest[];
  /** Is neither among the kept nor among the lost. */
  readonly torn?: TornRequest;
}

/** A request as it is told of. */
export interface CachedRange extends ByteRange {
  readonly kind: CachedKind;
}

/** What a power cut has done. */
export interface PowerCutReceipt {
  readonly policy: PowerCutPolicy;
  readonly keptCount: number;
  readonly lostCount: number;
  /** Bounded, as are the lost ones. */
  readonly kept: readonly CachedRange[];
  readonly lost: readonly CachedRange[];
  readonly torn?: CachedRange & { readonly keptLength: number };
}

/** How many ranges of either kind a receipt holds. */
const RANGES_MAX = 1024;

/** Chooses one outcome. */
export function choosePowerCut(
  policy: PowerCutPolicy,
  requests: readonly CachedRequest[],
  random: Random,
): PowerCutOutcome {
  if (policy === 'lose') return { kept: [], lost: requests };
  const isKept = new Map(requests.map((request) => [request, random.below(2) === 1]));
  const torn = policy === 'tear' ? chooseTorn(requests, random) : undefined;
  return outcomeOf(requests, (request) => isKept.get(request) === true, torn);
}

/** Every outcome there can be; how many they are grows with 2 to the number of requests. */
export function* powerCuts(
  policy: PowerCutPolicy,
  requests: readonly CachedRequest[],
): Generator<PowerCutOutcome> {
  if (policy === 'lose') {
    yield { kept: [], lost: requests };
    return;
  }
  const kept = new Set<CachedRequest>();
  do {
    const isKept = (request: CachedRequest) => kept.has(request);
    yield outcomeOf(requests, isKept);
    if (policy !== 'tear') continue;
    for (const request of [...kept]) {
      for (const keptLength of tears(request)) {
        yield outcomeOf(requests, isKept, { request, keptLength });
      }
    }
  } while (countUp(kept, requests));
}

/** How many outcomes {@link powerCuts} gives; not exact above 2^53. */
export function countPowerCuts(policy: PowerCutPolicy, requests: readonly CachedRequest[]): number {
  if (policy === 'lose') return 1;
  const subsets = 2 ** requests.length;
  if (policy === 'reorder') return subsets;
  const cuts = requests.reduce((sum, request) => sum + tearCount(request), 0);
  return subsets + cuts * (subsets / 2);
}

/** What of the requests has reached the disk, in the order in which it has to be written. */
export function survivors({ kept, torn }: PowerCutOutcome): readonly CachedRequest[] {
  if (!torn) return kept;
  const all = [...kept, shortened(torn.request, torn.keptLength)];
  return all.sort((a, b) => a.id - b.id);
}

/** Writes down what became of the requests. */
export function receiptOf(policy: PowerCutPolicy, outcome: PowerCutOutcome): PowerCutReceipt {
  const { kept, lost, torn } = outcome;
  const receipt = {
    policy,
    keptCount: kept.length,
    lostCount: lost.length,
    kept: kept.slice(0, RANGES_MAX).map(rangeOf),
    lost: lost.slice(0, RANGES_MAX).map(rangeOf),
  };
  if (!torn) return receipt;
  return { ...receipt, torn: { ...rangeOf(torn.request), keptLength: torn.keptLength } };
}

/** A request without its bytes. */
export function rangeOf({ kind, offset, length }: CachedRequest): CachedRange {
  return { kind, offset, length };
}

function outcomeOf(
  requests: readonly CachedRequest[],
  isKept: (request: CachedRequest) => boolean,
  torn?: TornRequest,
): PowerCutOutcome {
  const others = requests.filter((request) => request !== torn?.request);
  const kept = others.filter(isKept);
  const lost = others.filter((request) => !isKept(request));
  return torn ? { kept, lost, torn } : { kept, lost };
}

function chooseTorn(requests: readonly CachedRequest[], random: Random): TornRequest | undefined {
  const long = requests.filter((request) => tearCount(request) > 0);
  if (long.length === 0) return undefined;
  const request = long[random.below(long.length)];
  if (!request) return undefined;
  return { request, keptLength: tearAt(request, random.below(tearCount(request))) };
}

/** The lengths to which a request can be torn. */
function* tears(request: CachedRequest): Generator<number> {
  const count = tearCount(request);
  for (let index = 0; index < count; index += 1) yield tearAt(request, index);
}

/** How many sectors begin within a request, but for one that begins with it. */
function tearCount({ offset, length }: CachedRequest): number {
  if (length === 0) return 0;
  return Math.floor((offset + length - 1) / SECTOR_LENGTH) - Math.floor(offset / SECTOR_LENGTH);
}

function tearAt({ offset }: CachedRequest, index: number): number {
  return alignDown(offset, SECTOR_LENGTH) + SECTOR_LENGTH * (index + 1) - offset;
}

/** Goes on to the next subset, as a binary counter does. @returns False after the last. */
function countUp(kept: Set<CachedRequest>, requests: readonly CachedRequest[]): boolean {
  for (const request of requests) {
    if (!kept.delete(request)) {
      kept.add(request);
      return true;
    }
  }
  return false;
}
