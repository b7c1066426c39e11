/**
 * What every driver promises, as one suite for all of them in all their configurations.
 *
 * Most of it goes through a node, as requests in earnest do; the rest asks the driver itself, with
 * requests such as a node would send. What a driver need not do, it need not: the suite looks at
 * its limits, at what it supports and at which operations it has.
 */

import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { type Random, seededRandom } from '../../src/base/random.ts';
import {
  alignDown,
  alignUp,
  type ByteRange,
  isPowerOfTwo,
  overlaps,
} from '../../src/base/ranges.ts';
import { isZero } from '../../src/base/zeroes.ts';
import type { BlockDriver, DriverRegistry, WriteZeroesOptions } from '../../src/block/driver.ts';
import { extents } from '../../src/block/extents.ts';
import { BlockGraph } from '../../src/block/graph.ts';
import type { BlockNode } from '../../src/block/node.ts';
import type { BlockdevOptions } from '../../src/block/options.ts';
import { drivers } from '../../src/drivers/index.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { openFilesIn, withFolder } from '../support/temporary.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const ODD_SIZES = [0, 1, 511, 513, MiB + 1];
const PLAIN = { forceUnitAccess: false };
const ZEROES_OPTIONS: readonly WriteZeroesOptions[] = [
  { forceUnitAccess: false, mayUnmap: false, noFallback: false },
  { forceUnitAccess: false, mayUnmap: true, noFallback: false },
  { forceUnitAccess: true, mayUnmap: true, noFallback: false },
];

/** A driver with options that make it work in a way of its own. */
export interface DriverConfiguration {
  readonly name: string;
  /**
   * Makes ready what a disk stands on.
   *
   * @param size What the disk is to be given room for, in bytes.
   * @param folder Is empty, and removed after the test.
   * @returns What opens the disk.
   */
  options(size: number, folder: string): BlockdevOptions | Promise<BlockdevOptions>;
  /** How large a disk becomes that was given room for `size` bytes; the same by default. */
  readonly sizeOf?: (size: number) => number;
  /** Whether what was written can be read; it does by default. */
  readonly keepsData?: boolean;
  /** Why it cannot be tested here. */
  readonly skip?: string | undefined;
}

interface Rig {
  readonly node: BlockNode;
  readonly driver: BlockDriver;
  readonly graph: BlockGraph;
}

/** Declares the suite for one configuration. */
export function driverContract(configuration: DriverConfiguration): void {
  const { name, skip } = configuration;
  const title = skip ? `${name} (skipped: ${skip})` : name;
  describe.skipIf(skip)(`driver contract: ${title}`, () => {
    const run = (size: number, body: (rig: Rig) => Promise<void>, common?: object) =>
      withDisk(configuration, size, body, common);
    shape(configuration, run);
    sizes(configuration, run);
    refusals(run);
    if (configuration.keepsData === false) return;
    content(run);
    concurrency(run);
    zeroes(run);
    resizing(configuration, run);
  });
}

type Run = (size: number, body: (rig: Rig) => Promise<void>, common?: object) => Promise<void>;

function shape(configuration: DriverConfiguration, run: Run): void {
  it('declares limits that a node can work with', () =>
    run(MiB, async ({ driver }) => {
      const { alignment, transferMax, discardAlignment } = driver.limits;
      expect(isPowerOfTwo(alignment)).toBe(true);
      expect(isPowerOfTwo(discardAlignment)).toBe(true);
      expect(discardAlignment).toBeGreaterThanOrEqual(alignment);
      expect(transferMax).toBeGreaterThanOrEqual(alignment);
      expect(Number.isSafeInteger(transferMax)).toBe(true);
    }));

  it('opens read-only, and is then not written to', () =>
    run(
      64 * KiB,
      async ({ node }) => {
        await node.read(0, new Uint8Array(64 * KiB));
        await node.flush();
        await expect(async () => node.write(0, new Uint8Array(512))).rejects.toThrow(/read-only/);
      },
      { 'read-only': true },
    ));

  it('lets go of everything when it closes, so that the same disk opens again', () =>
    withFolder(async (folder) => {
      const options = await configuration.options(MiB, folder);
      for (let times = 0; times < 3; times += 1) {
        const graph = new BlockGraph(nodeEnv(), drivers);
        await graph.open(options);
        await graph.closeAll();
        expect(graph.nodes).toEqual([]);
        expect(openFilesIn(folder) ?? 0).toBe(0);
      }
    }));
}

function sizes(configuration: DriverConfiguration, run: Run): void {
  for (const given of ODD_SIZES) {
    const size = configuration.sizeOf?.(given) ?? given;
    it(`serves the whole of a disk of ${given} bytes, and its last one by itself`, () =>
      run(given, async ({ node, driver }) => {
        expect(node.size).toBe(size);
        expect(driver.size()).toBe(size);
        const bytes = pattern(size, 3);
        await node.write(0, bytes);
        await node.flush();
        const found = await readAll(node);
        if (configuration.keepsData !== false) expect(same(found, bytes)).toBe(true);
        await node.read(size, new Uint8Array(0));
        await node.write(size, new Uint8Array(0));
        if (size === 0) return;

        await node.write(size - 1, Uint8Array.of(0xee), { forceUnitAccess: true });
        const last = new Uint8Array(1);
        await node.read(size - 1, last);
        if (configuration.keepsData === false) return;
        expect(last[0]).toBe(0xee);
        bytes[size - 1] = 0xee;
        expect(same(await readAll(node), bytes)).toBe(true);
      }));
  }

  it('says of every byte of the disk whether it is data', async () => {
    for (const size of ODD_SIZES) await run(size, ({ node }) => checkStatus(node));
  });
}

function refusals(run: Run): void {
  it('is not reached by a request that goes beyond its end', () =>
    run(64 * KiB, async ({ node }) => {
      const { size } = node;
      const requests = [
        () => node.read(size, new Uint8Array(1)),
        () => node.write(size - 511, new Uint8Array(512)),
        () => node.writeZeroes(size - 1, 2),
        () => node.read(-1, new Uint8Array(1)),
        () => node.blockStatus(0, size + 1),
      ];
      for (const request of requests) {
        await expect(async () => request()).rejects.toMatchObject({ code: 'EINVAL' });
      }
    }));

  it('flushes and takes FUA at any time', () =>
    run(64 * KiB, async ({ node, driver }) => {
      await driver.flush();
      await node.flush();
      await node.write(512, pattern(512, 1), { forceUnitAccess: true });
      await node.writeZeroes(512, 512, { forceUnitAccess: true });
      await Promise.all([node.flush(), node.flush(), node.write(0, pattern(512, 2))]);
      await node.flush();
    }));
}

function content(run: Run): void {
  it('reads what was last written, whatever came in between', () =>
    run(
      MiB + 1,
      async ({ node }) => {
        const model = new Uint8Array(node.size);
        const random = seededRandom(1);
        for (let step = 0; step < 300; step += 1) await randomStep(node, model, random);
        expect(same(await readAll(node), model)).toBe(true);
        await checkStatus(node);
      },
      { discard: 'unmap' },
    ));

  it('does the same without its node, for requests that are aligned to its limits', () =>
    run(
      MiB + 513,
      async ({ driver }) => {
        const model = new Uint8Array(driver.size());
        const random = seededRandom(2);
        for (let step = 0; step < 200; step += 1) {
          const { offset, length } = alignedRange(driver, random);
          await randomDriverStep(driver, model.subarray(offset, offset + length), offset, random);
        }
        for (let at = 0; at < model.length; at += 64 * KiB) {
          const bytes = new Uint8Array(Math.min(64 * KiB, model.length - at));
          await driver.read(at, bytes);
          expect(same(bytes, model.subarray(at, at + bytes.length)), `at ${at}`).toBe(true);
        }
      },
      { discard: 'unmap' },
    ));

  it('moves requests longer than its longest, from any place to any other', () =>
    run(3 * MiB + 513, async ({ node }) => {
      const bytes = pattern(2 * MiB + 777, 5);
      await node.write(333, bytes);
      const found = new Uint8Array(bytes.length + 700);
      await node.read(100, found);
      expect(same(found.subarray(233, 233 + bytes.length), bytes)).toBe(true);
      expect(isZero(found.subarray(0, 233))).toBe(true);
      expect(isZero(found.subarray(233 + bytes.length))).toBe(true);
    }));

  it('reads and writes in place, leaving the rest of the buffers alone', () =>
    run(64 * KiB, async ({ node }) => {
      const whole = pattern(3 * 4096, 7);
      const before = whole.slice();
      await node.write(1000, whole.subarray(4096, 8192));
      expect(same(whole, before)).toBe(true);
      const into = new Uint8Array(3 * 4096).fill(0xcc);
      await node.read(1000, into.subarray(4096, 8192));
      expect(same(into.subarray(4096, 8192), whole.subarray(4096, 8192))).toBe(true);
      expect(into.subarray(0, 4096).every((byte) => byte === 0xcc)).toBe(true);
      expect(into.subarray(8192).every((byte) => byte === 0xcc)).toBe(true);
    }));

  it('does not go by the buffer once a write is done', () =>
    run(64 * KiB, async ({ node }) => {
      const bytes = pattern(8192, 9);
      await node.write(4096, bytes);
      const written = bytes.slice();
      bytes.fill(0);
      const found = new Uint8Array(8192);
      await node.read(4096, found);
      expect(same(found, written)).toBe(true);
    }));
}

function concurrency(run: Run): void {
  it('keeps many overlapping requests in flight, each byte coming from one of them', () =>
    run(
      MiB + 1,
      async ({ node }) => {
        const random = seededRandom(3);
        const model = pattern(node.size, 11);
        await node.write(0, model);
        for (let round = 0; round < 6; round += 1) {
          await overlappingRound(node, model, random, round);
          model.set(await readAll(node));
        }
        expect(node.inFlight).toBe(0);
      },
      { discard: 'unmap' },
    ));

  it('keeps apart writes in flight that are neighbours', () =>
    run(512 * KiB + 1, async ({ node }) => {
      // Pieces of 1000 bytes share blocks, which an aligned driver reads and writes back.
      const bytes = pattern(node.size, 13);
      const writes = [];
      for (let at = 0; at < node.size; at += 1000) {
        writes.push(node.write(at, bytes.subarray(at, Math.min(at + 1000, node.size))));
      }
      await Promise.all(writes);
      expect(same(await readAll(node), bytes)).toBe(true);
    }));
}

function zeroes(run: Run): void {
  it('zeroes a range and nothing else, with every option', async () => {
    for (const options of ZEROES_OPTIONS) {
      for (const [offset, length] of [
        [0, 512],
        [4096, 65_536],
        [777, 100_001],
      ] as const) {
        await run(
          300_001,
          async ({ node }) => {
            const model = pattern(node.size, 17);
            await node.write(0, model);
            await node.writeZeroes(offset, length, options);
            model.fill(0, offset, offset + length);
            expect(same(await readAll(node), model)).toBe(true);
            // And to the very end, where some can do it in another way.
            await node.writeZeroes(node.size - length, length, options);
            model.fill(0, node.size - length);
            expect(same(await readAll(node), model)).toBe(true);
            await node.writeZeroes(0, node.size, options);
            expect(isZero(await readAll(node))).toBe(true);
            await checkStatus(node);
          },
          { discard: 'unmap' },
        );
      }
    }
  });

  it('either zeroes fast or says that it cannot', () =>
    run(MiB, async ({ node }) => {
      const model = pattern(node.size, 19);
      await node.write(0, model);
      try {
        await node.writeZeroes(64 * KiB, 64 * KiB, { noFallback: true });
        model.fill(0, 64 * KiB, 128 * KiB);
      } catch (error) {
        expect(error).toBeInstanceOf(BlockError);
        expect(error).toMatchObject({ code: 'ENOTSUP' });
      }
      expect(same(await readAll(node), model)).toBe(true);
    }));

  it('touches no other byte in a discard, and takes new ones after it', async () => {
    for (const [offset, length] of [
      [4096, 65_536],
      [777, 100_001],
      [65_536, MiB - 65_536],
    ] as const) {
      await run(
        MiB,
        async ({ node }) => {
          const model = pattern(node.size, 23);
          await node.write(0, model);
          await node.discard(offset, length);
          const found = await readAll(node);
          const end = offset + length;
          expect(same(found.subarray(0, offset), model.subarray(0, offset))).toBe(true);
          expect(same(found.subarray(end), model.subarray(end))).toBe(true);
          await node.write(offset, model.subarray(offset, end));
          expect(same(await readAll(node), model)).toBe(true);
        },
        { discard: 'unmap' },
      );
    }
  });
}

function resizing(configuration: DriverConfiguration, run: Run): void {
  const { sizeOf = (size: number) => size } = configuration;
  const steps = [64 * KiB, 64 * KiB + 513, 4096, 4095, 300_000, 0, 5000];

  it('becomes larger with zeroes and smaller for good, or says that it cannot', () =>
    run(64 * KiB, async ({ node, driver }) => {
      if (!driver.resize) {
        await expect(node.resize(128 * KiB)).rejects.toMatchObject({ code: 'ENOTSUP' });
        return;
      }
      let model = pattern(node.size, 29);
      await node.write(0, model);
      for (const [index, step] of steps.entries()) {
        try {
          await node.resize(step);
        } catch (error) {
          expect(error).toMatchObject({ code: 'ENOTSUP' });
          expect(index, 'it can or cannot').toBe(0);
          expect(same(await readAll(node), model)).toBe(true);
          return;
        }
        const size = sizeOf(step);
        expect(node.size).toBe(size);
        expect(driver.size()).toBe(size);
        const resized = new Uint8Array(size);
        resized.set(model.subarray(0, Math.min(size, step)));
        expect(same(await readAll(node), resized), `at ${step} bytes`).toBe(true);
        await checkStatus(node);
        await node.write(0, pattern(size, 31 + index));
        model = pattern(size, 31 + index);
        // What does not fit in the disk proper is the format's business.
        model.fill(0, Math.min(size, step));
        await node.write(0, model);
      }
    }));
}

/** Opens a disk, and checks afterwards that closing it has let go of everything. */
async function withDisk(
  configuration: DriverConfiguration,
  size: number,
  body: (rig: Rig) => Promise<void>,
  common: object = {},
): Promise<void> {
  await withFolder(async (folder) => {
    const opened = new Map<string, BlockDriver>();
    const graph = new BlockGraph(nodeEnv(), observed(opened));
    const options = await configuration.options(size, folder);
    const node = await graph.open({ ...options, ...common });
    const driver = opened.get(node.name);
    if (!driver) throw new Error('the graph opened the driver under another name');
    try {
      await body({ node, driver, graph });
      expect(node.inFlight).toBe(0);
    } finally {
      await graph.closeAll();
    }
    expect(graph.nodes).toEqual([]);
    expect(openFilesIn(folder) ?? 0, 'files left open').toBe(0);
  });
}

/** The drivers, each keeping account of the disks that it opens, by the name of their node. */
function observed(opened: Map<string, BlockDriver>): DriverRegistry {
  const registry: DriverRegistry = drivers;
  const entries = Object.entries(registry).map(([name, definition]) => [
    name,
    {
      ...definition,
      async open(...[options, context]: Parameters<typeof definition.open>) {
        const driver = await definition.open(options, context);
        opened.set(context.name, driver);
        return driver;
      },
    },
  ]);
  return Object.fromEntries(entries);
}

/** One random request through a node, and on the model; a read is compared. */
async function randomStep(node: BlockNode, model: Uint8Array, random: Random): Promise<void> {
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

/** The same to the driver itself, which gets what its node would send it. */
async function randomDriverStep(
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
    await driver.write(offset, new Uint8Array(part.length), PLAIN);
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
async function overlappingRound(
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
async function checkStatus(node: BlockNode): Promise<void> {
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
function alignedRange(driver: BlockDriver, random: Random) {
  const { alignment, transferMax } = driver.limits;
  const { offset: start, length: given } = randomRange(driver.size(), random);
  const offset = alignDown(start, alignment);
  const end = Math.min(alignUp(start + given, alignment), driver.size());
  return { offset, length: Math.min(end - offset, transferMax) };
}

async function readAll(node: BlockNode): Promise<Uint8Array> {
  const bytes = new Uint8Array(node.size).fill(0xcc);
  await node.read(0, bytes);
  return bytes;
}

function pattern(length: number, start: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 1) bytes[at] = ((start + at * 7) % 251) + 1;
  return bytes;
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
