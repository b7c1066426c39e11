/**
 * What must be true of both disks when a mirror is over.
 *
 *     finished            the target is what the source was when the result counted: block by block
 *                         by the guests' memory, and all the rest as at first
 *     switched            the same of the source; and each block that a guest wrote, before or
 *                         after, is right on the target
 *     cancelled, failed   the source holds what the guests wrote, and all the rest as at first
 *
 * Of a mirror that copies only what is new, the target holds what the guests wrote, and where both
 * disks differ nobody has written.
 */

import type { ByteRange } from '../src/base/ranges.ts';
import { differences } from '../src/block/compare.ts';
import type { BlockNode } from '../src/block/node.ts';
import type { MirrorOptions } from '../src/index.ts';
import { between, type DiskContent, verifyContent } from './soak-content.ts';
import type { Counts } from './soak-counts.ts';
import { type Frozen, verifyArea } from './soak-log.ts';

const SECTOR = 512;

export interface MemoryResult {
  readonly source: BlockNode;
  readonly target: BlockNode;
  readonly content: DiskContent;
  readonly outcome: 'completed' | 'cancelled' | 'failed';
  readonly switched: boolean;
  /** What the guests knew when the result counted, if anybody saw it, and at last. */
  readonly atEnd: readonly Frozen[] | undefined;
  readonly now: readonly Frozen[];
  /** The guests had stopped before the result counted. */
  readonly isStill: boolean;
}

interface Judged {
  readonly size: number;
  readonly mirror: MirrorOptions;
}

/** Compares everything that can be compared; the guests have stopped. */
export async function judgeRound(
  { size, mirror }: Judged,
  counts: Counts,
  result: MemoryResult,
): Promise<void> {
  const { source, target, outcome, switched, now, isStill } = result;
  const isFull = mirror.sync !== 'none';
  const areas = now.map(({ area }) => area);
  const disks = { size, counts, content: result.content, areas };
  if (outcome !== 'completed') {
    await checkDisk(disks, source, { frozen: now, isWhole: true });
    return;
  }
  const atEnd = isStill ? now : (result.atEnd ?? []);
  await checkDisk(disks, source, { frozen: switched ? atEnd : now, isWhole: true });
  await checkDisk(disks, target, { frozen: switched ? now : atEnd, isWhole: isFull });
  const isFree = (sector: number) => {
    const area = now.find((each) => blockAt(each, sector) !== undefined);
    const block = area && blockAt(area, sector);
    if (!area || block === undefined || !area.isTouched(block)) return !isFull;
    // What guests do after the end differs. What did not reach the disk, or is ignored there, as a
    // discard may be, is not new.
    return !isStill || !(isFull || area.isWritten(block));
  };
  for await (const { offset, length } of differences(source, target, { unit: SECTOR })) {
    const sectors = Array.from({ length: Math.ceil(length / SECTOR) }, (_, at) => at * SECTOR);
    const wrong = sectors.find((at) => !isFree(offset + at));
    if (wrong === undefined) continue;
    counts.mismatch(`source and target differ at ${offset + wrong}`);
    break;
  }
  counts.verified.comparedBytes += size;
}

interface DiskCheck {
  readonly size: number;
  readonly counts: Counts;
  readonly content: DiskContent;
  /** Where anybody wrote. */
  readonly areas: readonly ByteRange[];
}

/** @param options Whether what nobody wrote must be as at first, and what somebody did. */
export async function checkDisk(
  { size, counts, content, areas }: DiskCheck,
  node: BlockNode,
  { frozen, isWhole }: { readonly frozen: readonly Frozen[]; readonly isWhole: boolean },
): Promise<void> {
  for (const area of frozen) counts.addVerified(await verifyArea(node, area), node.name);
  if (!isWhole) return;
  const quiet = between(size, areas);
  const wrong = await verifyContent(node, content, quiet);
  if (wrong !== undefined) counts.mismatch(`${node.name}: ${wrong}`);
  counts.verified.comparedBytes += quiet.reduce((sum, { length }) => sum + length, 0);
}

/** @returns Which block of a guest it is, if any. */
function blockAt({ area, blockSize }: Frozen, at: number): number | undefined {
  const inside = at - area.offset;
  const end = Math.floor(area.length / blockSize) * blockSize;
  return inside >= 0 && inside < end ? Math.floor(inside / blockSize) : undefined;
}
