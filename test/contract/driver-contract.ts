/**
 * What every driver promises, as one suite for all of them in all their configurations.
 *
 * Most of it goes through a node, as requests in earnest do; the rest asks the driver itself, with
 * requests such as a node would send. It holds a driver to what that declares: its limits, what it
 * supports and which operations it has.
 */

import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { seededRandom } from '../../src/base/random.ts';
import { isPowerOfTwo } from '../../src/base/ranges.ts';
import { isZero } from '../../src/base/zeroes.ts';
import { subtreeOf } from '../../src/block/allocation.ts';
import type { WriteZeroesOptions } from '../../src/block/driver.ts';
import { BlockGraph } from '../../src/block/graph.ts';
import { drivers } from '../../src/drivers/index.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { filters } from '../../src/filters/index.ts';
import { openFilesIn, withFolder } from '../support/temporary.ts';
import {
  alignedRange,
  borrowingSteps,
  checkStatus,
  overlappingRound,
  pattern,
  randomDriverStep,
  randomStep,
  readAll,
  same,
} from './driver-model.ts';
import { type DriverConfiguration, type DriverRig, withDisk } from './driver-rig.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const ODD_SIZES = [0, 1, 511, 513, MiB + 1];
const ZEROES_OPTIONS: readonly WriteZeroesOptions[] = [
  { forceUnitAccess: false, mayUnmap: false, noFallback: false },
  { forceUnitAccess: false, mayUnmap: true, noFallback: false },
  { forceUnitAccess: true, mayUnmap: true, noFallback: false },
];

/** Opens a disk with room for `size` bytes and lets `body` try it. */
type Run = (
  size: number,
  body: (rig: DriverRig) => Promise<void>,
  common?: object,
) => Promise<void>;

/** Declares the suite for one configuration. */
export function driverContract(configuration: DriverConfiguration): void {
  const { name, skip } = configuration;
  const title = skip ? `${name} (skipped: ${skip})` : name;
  describe.skipIf(skip)(`driver contract: ${title}`, () => {
    const run = (size: number, body: (rig: DriverRig) => Promise<void>, common?: object) =>
      withDisk(configuration, size, body, common);
    shape(configuration, run);
    sizes(configuration, run);
    refusals(run);
    reopening(configuration, run);
    if (configuration.keepsData === false) return;
    content(run);
    concurrency(run);
    zeroes(run);
    resizing(configuration, run);
  });
}

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
        const graph = new BlockGraph(nodeEnv(), { ...drivers, ...filters });
        await graph.open(options);
        await graph.closeAll();
        expect(graph.nodes).toEqual([]);
        expect(openFilesIn(folder) ?? 0).toBe(0);
      }
    }));
}

function reopening({ keepsData = true }: DriverConfiguration, run: Run): void {
  it('is reopened for reading only and for writing again, or says that it cannot be', () =>
    run(64 * KiB, async ({ node, graph, options }) => {
      const bytes = pattern(node.size, 5);
      await node.write(0, bytes);
      const reopen = (readOnly: boolean) => graph.reopen([{ ...options, 'read-only': readOnly }]);
      if (![...subtreeOf(node)].every(({ traits }) => traits.reopening)) {
        await expect(reopen(true)).rejects.toMatchObject({ code: 'ENOTSUP' });
        expect(node.options.readOnly).toBe(false);
        return;
      }
      await reopen(true);
      await expect(async () => node.write(0, bytes)).rejects.toThrow(/read-only/);
      if (keepsData) expect(same(await readAll(node), bytes)).toBe(true);
      await reopen(false);
      expect(node.size).toBe(bytes.length);
      await node.write(0, bytes.toReversed());
      if (keepsData) expect(same(await readAll(node), bytes.toReversed())).toBe(true);
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

  it('shows a loan as it was, and what is written in place as anything else', () =>
    run(MiB + 1, ({ node }) => borrowingSteps(node, seededRandom(4)), { discard: 'unmap' }));

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
