/**
 * What each block of a disk may hold, by the memory of whoever writes there.
 *
 * {@link ChangeLog} is the memory of a guest that also zeroes and discards, as the one of
 * `workload/` does not. Each block has what was last acknowledged, and what has begun since:
 *
 *     acknowledged "zeroes"                 -> zeroes
 *     acknowledged write 3, write 4 failed  -> each sector of write 3 or of write 4
 *     acknowledged "discard", or nothing    -> anything
 *
 * Both kinds of memory can be frozen, for a disk that is to be compared with what was true then.
 */

import type { BlockNode } from '../src/block/node.ts';
import { blockBuffer, GuestContent } from '../src/workload/content.ts';
import { BlockJudge } from '../src/workload/mismatch.ts';
import type { GuestLog } from '../src/workload/oracle.ts';
import type { Area } from './soak-plan.ts';

const SECTOR = 512;
/** Bytes read at a time. */
const READ_LENGTH = 1024 * 1024;

export const CHANGES = ['write', 'zeroes', 'discard'] as const;
export type ChangeKind = (typeof CHANGES)[number];

interface Change {
  readonly kind: ChangeKind;
  /** Which write to its block it is, from 1. */
  readonly sequence: number;
}

/** What happens to a change. */
export type LogRecord =
  | { readonly step: 'begin'; readonly block: number; readonly kind: ChangeKind }
  | { readonly step: 'acknowledge' | 'fail'; readonly block: number };

/** What all blocks of an area may hold at one moment. */
export interface Frozen {
  readonly area: Area;
  readonly blockSize: number;
  /** Whether the block was ever begun to be changed. */
  isTouched(block: number): boolean;
  /** Whether it was ever certainly changed: not only discarded, nor by what failed alone. */
  isWritten(block: number): boolean;
  /** @returns What is wrong with the bytes of a block, if anything. */
  judge(block: number, bytes: Uint8Array): string | undefined;
}

export interface LogOptions {
  readonly seed: number;
  readonly area: Area;
  readonly blockSize: number;
}

/** The memory of a guest that writes, zeroes and discards. */
export class ChangeLog {
  readonly content: GuestContent;
  readonly area: Area;
  readonly blockSize: number;
  readonly blocks: number;
  /** Told of each step, before anything comes of it. */
  onRecord: (record: LogRecord) => void = () => {};
  readonly #possible = new Map<number, readonly Change[]>();
  readonly #sequences = new Map<number, number>();
  readonly #changing = new Set<number>();
  readonly #written = new Set<number>();

  constructor({ seed, area, blockSize }: LogOptions) {
    this.content = new GuestContent({ seed, blockSize });
    this.area = area;
    this.blockSize = blockSize;
    this.blocks = Math.floor(area.length / blockSize);
  }

  offsetOf(block: number): number {
    return this.area.offset + block * this.blockSize;
  }

  isChanging(block: number): boolean {
    return this.#changing.has(block);
  }

  /** A change begins. @returns Which it is of its block. */
  begin(block: number, kind: ChangeKind): number {
    this.onRecord({ step: 'begin', block, kind });
    return this.#begin(block, kind);
  }

  acknowledge(block: number): void {
    this.onRecord({ step: 'acknowledge', block });
    this.#end(block, { isDone: true });
  }

  fail(block: number): void {
    this.onRecord({ step: 'fail', block });
    this.#end(block, { isDone: false });
  }

  /** Takes over what another process has recorded. */
  replay(record: LogRecord): void {
    if (record.step === 'begin') this.#begin(record.block, record.kind);
    else this.#end(record.block, { isDone: record.step === 'acknowledge' });
  }

  /** Whoever had changes in flight is dead: nobody knows how much of them took effect. */
  failAll(): void {
    for (const block of [...this.#changing]) this.#end(block, { isDone: false });
  }

  freeze(): Frozen {
    const possible = new Map(this.#possible);
    const written = new Set(this.#written);
    return {
      area: this.area,
      blockSize: this.blockSize,
      isTouched: (block) => possible.has(block),
      isWritten: (block) => written.has(block),
      judge: (block, bytes) => this.#judge(block, bytes, possible.get(block) ?? []),
    };
  }

  /** What a block may hold now: another object once that has changed. */
  stateOf(block: number): object {
    return this.#possible.get(block) ?? this.#possible;
  }

  /** @returns What is wrong with the bytes of a block, if anything. */
  judge(block: number, bytes: Uint8Array): string | undefined {
    return this.#judge(block, bytes, this.#possible.get(block) ?? []);
  }

  #begin(block: number, kind: ChangeKind): number {
    const sequence = (this.#sequences.get(block) ?? 0) + 1;
    const before = this.#possible.get(block) ?? [{ kind: 'discard', sequence: 0 }];
    this.#sequences.set(block, sequence);
    this.#possible.set(block, [...before, { kind, sequence }]);
    this.#changing.add(block);
    return sequence;
  }

  #end(block: number, { isDone }: { readonly isDone: boolean }): void {
    if (!this.#changing.delete(block)) throw new TypeError(`Cannot end a change of ${block}: none`);
    if (!isDone) return;
    const last = (this.#possible.get(block) ?? []).slice(-1);
    this.#possible.set(block, last);
    if (last[0]?.kind !== 'discard') this.#written.add(block);
  }

  #judge(block: number, bytes: Uint8Array, possible: readonly Change[]): string | undefined {
    if (possible.length === 0 || possible.some(({ kind }) => kind === 'discard')) return undefined;
    const offset = this.offsetOf(block);
    const images = possible.map(({ kind, sequence }) => {
      const buffer = blockBuffer(this.blockSize);
      if (kind === 'write') this.content.write(buffer, offset, sequence);
      return buffer.bytes;
    });
    for (let at = 0; at < bytes.length; at += SECTOR) {
      const sector = bytes.subarray(at, at + SECTOR);
      const isSame = (image: Uint8Array) =>
        Buffer.compare(image.subarray(at, at + SECTOR), sector) === 0;
      if (images.some(isSame)) continue;
      const names = possible.map(({ kind, sequence }) => `${kind} ${sequence}`).join(' or ');
      const found = this.content.readStamp(new DataView(bytes.buffer, bytes.byteOffset), at);
      const what = JSON.stringify(found);
      return `the sector at ${offset + at} must hold ${names}, and does not: ${what}`;
    }
    return undefined;
  }
}

/** Freezes the memory of a guest of `workload/`. */
export function freezeLog(log: GuestLog): Frozen {
  const { area, blockSize, blocks, content } = log;
  const oldest = Uint32Array.from({ length: blocks }, (_, block) => log.acknowledged(block));
  const newest = Uint32Array.from({ length: blocks }, (_, block) => log.newest(block));
  const judge = new BlockJudge(content);
  return {
    area,
    blockSize,
    isTouched: (block) => (newest[block] ?? 0) > 0,
    isWritten: (block) => (oldest[block] ?? 0) > 0,
    judge(block, bytes) {
      const allowed = { oldest: oldest[block] ?? 0, newest: newest[block] ?? 0 };
      if (allowed.oldest === 0) return undefined;
      return judge.judge(bytes, area.offset + block * blockSize, allowed)?.message;
    },
  };
}

/** What was compared, and what was wrong. */
export interface Verified {
  readonly bytes: number;
  readonly blocks: number;
  readonly wrong: readonly string[];
}

/** Most that are told of one area. */
const WRONG_MAX = 5;

/** Compares every block of a disk that was touched with what it may hold. */
export async function verifyArea(node: BlockNode, frozen: Frozen): Promise<Verified> {
  const { area, blockSize } = frozen;
  const wrong: string[] = [];
  const end = area.offset + Math.floor(area.length / blockSize) * blockSize;
  const step = Math.max(Math.floor(READ_LENGTH / blockSize), 1) * blockSize;
  let blocks = 0;
  for (let at = area.offset; at < end; at += step) {
    const bytes = new Uint8Array(Math.min(step, end - at));
    await node.read(at, bytes);
    for (let inside = 0; inside < bytes.length; inside += blockSize) {
      const block = (at + inside - area.offset) / blockSize;
      if (!frozen.isTouched(block)) continue;
      blocks += 1;
      const found = frozen.judge(block, bytes.subarray(inside, inside + blockSize));
      if (found !== undefined && wrong.length < WRONG_MAX) wrong.push(found);
    }
  }
  return { bytes: blocks * blockSize, blocks, wrong };
}
