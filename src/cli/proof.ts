/**
 * What a finished mirror is held against: the two images, opened anew, and the guest's own memory.
 *
 * - The guest stayed on the source: source and target read the same, everywhere.
 * - The guest was switched: they may differ only where the guest wrote.
 * - In both cases each block that the guest wrote is on the target as it was last acknowledged. The
 *   guest remembers; neither image is asked what is right.
 */

import { alignDown, type ByteRange } from '../base/ranges.ts';
import { differences } from '../block/compare.ts';
import type { BlockNode } from '../block/node.ts';
import type { Env } from '../env/env.ts';
import type { GuestLog, Verification } from '../workload/oracle.ts';
import { withTwoImages } from './images.ts';

/** How finely differences are attributed: a sector. */
const UNIT = 512;

export interface ProofOptions {
  /** The paths of the images. */
  readonly source: string;
  readonly target: string;
  readonly switched: boolean;
  /** What the guest wrote, when there was one. */
  readonly log: GuestLog | undefined;
  /** Told of the bytes compared so far, and how many there are; what it throws ends the proof. */
  readonly onProgress: (bytes: number, size: number) => void;
}

export interface Proof {
  /** Whether everything is as it must be. */
  readonly holds: boolean;
  /** Bytes compared. */
  readonly bytes: number;
  /** Bytes in sectors that differ because the guest wrote them after it was switched. */
  readonly written: number;
  /** Bytes in sectors that differ and should not. */
  readonly wrong: number;
  /** The first of those. */
  readonly firstWrong: ByteRange | undefined;
  /** The guest's blocks on the target. */
  readonly guest: Verification | undefined;
}

/** @throws {BlockError} When an image cannot be read. */
export function prove(env: Env, options: ProofOptions): Promise<Proof> {
  const { source, target, switched, log, onProgress } = options;
  return withTwoImages(env, { left: source, right: target }, async (left, right) => {
    const bytes = Math.max(left.size, right.size);
    const tell = (done: number) => onProgress(done, bytes);
    let [written, wrong] = [0, 0];
    let firstWrong: ByteRange | undefined;
    for await (const range of differences(left, right, { unit: UNIT, onProgress: tell })) {
      for (const sector of sectors(range)) {
        if (switched && log && isWritten(log, sector.offset)) {
          written += sector.length;
        } else {
          wrong += sector.length;
          firstWrong ??= sector;
        }
      }
    }
    const read = (offset: number, into: Uint8Array) => {
      tell(bytes);
      return readPadded(right, offset, into);
    };
    const guest = log && (await log.verify(read, env.clock));
    const holds = wrong === 0 && (guest?.mismatches.count ?? 0) === 0;
    return { holds, bytes, written, wrong, firstWrong, guest };
  });
}

/** The guest's disk may go on with zeroes for a part of a sector where the file ends. */
async function readPadded(image: BlockNode, offset: number, into: Uint8Array): Promise<void> {
  const stored = Math.max(Math.min(image.size - offset, into.length), 0);
  into.fill(0, stored);
  if (stored > 0) await image.read(offset, into.subarray(0, stored));
}

function* sectors({ offset, length }: ByteRange): Generator<ByteRange> {
  const end = offset + length;
  for (let at = offset; at < end; ) {
    const next = Math.min(alignDown(at, UNIT) + UNIT, end);
    yield { offset: at, length: next - at };
    at = next;
  }
}

/** Whether the guest ever wrote to the block at an offset. */
function isWritten(log: GuestLog, offset: number): boolean {
  const { area, blockSize } = log;
  if (offset < area.offset || offset >= area.offset + area.length) return false;
  return log.newest(Math.floor((offset - area.offset) / blockSize)) > 0;
}
