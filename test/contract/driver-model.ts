/** Random requests to a disk and to an array that stands for it, and comparisons of the two. */

import { expect } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { type Random, seededRandom } from '../../src/base/random.ts';
import { alignDown, alignUp, type ByteRange, overlaps } from '../../src/base/ranges.ts';
import { isZero } from '../../src/base/zeroes.ts';
import type { BlockDriver, WriteZeroesOptions } from '../../src/block/driver.ts';
import { extents } from '../../src/block/extents.ts';
import type { BlockNode } from '../../src/block/node.ts';

/** Bytes that are written in place. */
const PLACED_LENGTH = 32 * 1024;

/** One random request through a node, and on the model; a read is compared. */
export async function randomStep(
  node: BlockNode,
  model: Uint8Array,
  random: Random,
): Promise<void> {
  const { offset, length } = randomRange(node.size, random);
  const part = model.subarray(offset, offset + length);
  const kind = random.below(10);
  if (kind < 4) {
    random.fill(part);
    await node.write(offset, part.slice(), { forceUnitAccess: random.below(8) === 0 });
  } else if (kind < 8) {
    const bytes = new Uint8Array(length);
    await node.read(offset, bytes);
    expect(same(bytes, part), `${length} bytes at ${offset}`).toBe(true);
  } else if (kind === 8) {
    await node.writeZeroes(offset, length, { mayUnmap: random.below(2) === 0 });
    part.fill(0);
  } else {
    await node.discard(offset, length);
    const bytes = new Uint8Array(length);
    await node.read(offset, bytes);
    adoptDiscarded(part, bytes);
    if (random.below(10) === 0) await node.flush();
  }
}

/** Such requests between reads by a loan and writes in place, as far as the disk has those. */
export async function borrowingSteps(node: BlockNode, random: Random): Promise<void> {
  const model = pattern(node.size, 15);
  await node.write(0, model);
  for (let step = 0; step < 60; step += 1) {
    const { offset, length } = randomRange(node.size, random);
    const loan = node.lend(offset, length);
    const lent = model.slice(offset, offset + length);
    const start = alignDown(random.below(node.size), PLACED_LENGTH);
    const memory = node.place(start, PLACED_LENGTH);
    if (memory) {
      random.fill(memory);
      model.set(memory, start);
      await node.write(start, memory, { placed: true });
    }
    await randomStep(node, model, random);
    if (loan) expect(same(Buffer.concat(loan.parts), lent)).toBe(true);
    loan?.end();
  }
  expect(same(await readAll(node), model)).toBe(true);
}

/** The same to the driver itself, which gets what its node would send it. */
export async function randomDriverStep(
  driver: BlockDriver,
  part: Uint8Array,
  offset: number,
  random: Random,
): Promise<void> {
  const { length } = part;
  const forceUnitAccess = driver.supports.forceUnitAccess && random.below(4) === 0;
  const kind = random.below(6);
  if (kind < 3) {
    random.fill(part);
    await driver.write(offset, part.slice(), { forceUnitAccess });
  } else if (kind === 3) {
    await zeroByDriver(driver, offset, part, {
      forceUnitAccess,
      mayUnmap: true,
      noFallback: false,
    });
  } else if (kind === 4) {
    const unit = driver.limits.discardAlignment;
    if (offset % unit === 0 && (length % unit === 0 || offset + length === driver.size())) {
      await driver.discard?.(offset, length);
    }
    const bytes = new Uint8Array(length);
    await driver.read(offset, bytes);
    adoptDiscarded(part, bytes);
  }
  const bytes = new Uint8Array(length).fill(0xcc);
  await driver.read(offset, bytes);
  expect(same(bytes, part), `${length} bytes at ${offset}`).toBe(true);
  const status = length > 0 ? await driver.blockStatus?.(offset, length) : undefined;
  if (!status) return;
  expect(status.length).toBeGreaterThan(0);
  if (status.zero) expect(isZero(part.subarray(0, status.length))).toBe(true);
}

async function zeroByDriver(
  driver: BlockDriver,
  offset: number,
  part: Uint8Array,
  options: WriteZeroesOptions,
): Promise<void> {
  try {
    if (!driver.writeZeroes) throw new BlockError('ENOTSUP', 'zero', 'it has no such operation');
    await driver.writeZeroes(offset, part.length, options);
  } catch (error) {
    expect(error).toMatchObject({ code: 'ENOTSUP' });
    await driver.write(offset, new Uint8Array(part.length), { forceUnitAccess: false });
  }
  part.fill(0);
}

/** What a request in flight may leave: bytes of `value`, which is 0 for zeroes and discards. */
interface Change extends ByteRange {
  readonly value: number;
  /** It may also leave what was there. */
  readonly isAdvice: boolean;
}

/** Many requests at once; then every byte is what one of those over it left, or as it was. */
export async function overlappingRound(
  node: BlockNode,
  before: Uint8Array,
  random: Random,
  round: number,
): Promise<void> {
  const changes: Change[] = [];
  const reads: { readonly offset: number; readonly bytes: Uint8Array }[] = [];
  const requests = Array.from({ length: 40 }, (_, index) => {
    const { offset, length } = randomRange(node.size, random);
    if (index % 4 === 0) {
      const bytes = new Uint8Array(length);
      reads.push({ offset, bytes });
      return node.read(offset, bytes);
    }
    const isAdvice = index % 16 === 3;
    const value = index % 8 === 3 ? 0 : 1 + ((round * 40 + index) % 255);
    changes.push({ offset, length, value, isAdvice });
    if (isAdvice) return node.discard(offset, length);
    if (value === 0) return node.writeZeroes(offset, length);
    return node.write(offset, new Uint8Array(length).fill(value));
  });
  await Promise.all(requests);

  const after = await readAll(node);
  const edges = changes.flatMap(({ offset, length }) => [offset, offset + length]);
  const starts = [...new Set([0, ...edges, node.size])].sort((a, b) => a - b);
  for (const [index, start] of starts.entries()) {
    const end = starts[index + 1];
    if (end === undefined) break;
    const over = changes.filter((change) => overlaps(change, { offset: start, length: 1 }));
    const values = new Set(over.map(({ value }) => value));
    const mayStay = over.every(({ isAdvice }) => isAdvice);
    const isFine = (at: number, byte: number) =>
      values.has(byte) || (mayStay && byte === before[at]);
    const part = after.subarray(start, end);
    const wrong = part.findIndex((byte, at) => !isFine(start + at, byte));
    expect(wrong, `the first byte from ${start} that nobody wrote`).toBe(-1);
    for (const { offset, bytes } of reads) {
      for (let at = Math.max(start, offset); at < Math.min(end, offset + bytes.length); at += 1) {
        const byte = bytes[at - offset] ?? -1;
        if (values.has(byte) || byte === before[at]) continue;
        throw new Error(`Read a byte at ${at} that was never there: ${byte}`);
      }
    }
  }
}

/** Checks that the extents cover the disk and that what they call zero is zero. */
export async function checkStatus(node: BlockNode): Promise<void> {
  const bytes = await readAll(node);
  let at = 0;
  for await (const extent of extents(node, { offset: 0, length: node.size })) {
    expect(extent.offset).toBe(at);
    expect(extent.length).toBeGreaterThan(0);
    if (extent.zero) {
      const part = bytes.subarray(at, at + extent.length);
      expect(isZero(part), `${extent.length} bytes at ${at}`).toBe(true);
    }
    at += extent.length;
  }
  expect(at).toBe(node.size);
  const random = seededRandom(4);
  for (let times = 0; times < 20 && node.size > 0; times += 1) {
    const offset = random.below(node.size);
    const length = 1 + random.below(node.size - offset);
    const found = await node.blockStatus(offset, length);
    expect(found.length).toBeGreaterThan(0);
    expect(found.length).toBeLessThanOrEqual(length);
    if (found.zero) expect(isZero(bytes.subarray(offset, offset + found.length))).toBe(true);
  }
}

/** Every byte after a discard is zero or as it was; the model takes over which. */
function adoptDiscarded(model: Uint8Array, found: Uint8Array): void {
  const wrong = found.findIndex((byte, at) => byte !== 0 && byte !== model[at]);
  expect(wrong, 'the first byte that a discard made up').toBe(-1);
  model.set(found);
}

/** A range of any kind: short or long, at multiples of this and that, sometimes at the end. */
function randomRange(size: number, random: Random) {
  const unit = [1, 512, 4096, 65_536][random.below(4)] ?? 1;
  const lengthMax = [1, 700, 5000, 130_000, size][random.below(5)] ?? size;
  const offset = alignDown(random.below(size + 1), unit);
  const atEnd = random.below(8) === 0;
  const length = Math.min(size - offset, atEnd ? size : random.below(lengthMax + 1));
  return { offset, length };
}

/** As a node would send it: whole blocks, but for the end of the disk, and not too long. */
export function alignedRange(driver: BlockDriver, random: Random) {
  const { alignment, transferMax } = driver.limits;
  const { offset: start, length: given } = randomRange(driver.size(), random);
  const offset = alignDown(start, alignment);
  const end = Math.min(alignUp(start + given, alignment), driver.size());
  return { offset, length: Math.min(end - offset, transferMax) };
}

export async function readAll(node: BlockNode): Promise<Uint8Array> {
  const bytes = new Uint8Array(node.size).fill(0xcc);
  await node.read(0, bytes);
  return bytes;
}

export function pattern(length: number, start: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 1) bytes[at] = ((start + at * 7) % 251) + 1;
  return bytes;
}

export function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
