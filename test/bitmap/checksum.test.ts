import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { DirtyBitmap } from '../../src/bitmap/dirty-bitmap.ts';

const KiB = 1024;
const MiB = KiB ** 2;
const GiB = KiB ** 3;
const TiB = KiB ** 4;

/** Hashes the bits written out one by one. */
function denseChecksum(bitmap: DirtyBitmap): string {
  const granules = Math.ceil(bitmap.size / bitmap.granularity);
  const dense = new Uint8Array(Math.max(Math.ceil(granules / 64), 1) * 8);
  for (let granule = 0; granule < granules; granule += 1) {
    if (!bitmap.test(granule * bitmap.granularity)) continue;
    const at = Math.floor(granule / 8);
    dense[at] = (dense[at] ?? 0) | (1 << (granule % 8));
  }
  return createHash('sha256').update(dense).digest('hex');
}

interface QemuCase {
  readonly size: number;
  readonly granularity: number;
  /** What the guest wrote: offset and length. */
  readonly writes: readonly (readonly [number, number])[];
  readonly sha256: string;
}

/**
 * What QEMU 7.2.22 answered to `x-debug-block-dirty-bitmap-sha256` for a bitmap on a `null-co` node
 * after these writes with `qemu-io`.
 */
const QEMU_CASES: Readonly<Record<string, QemuCase>> = {
  'a clean disk': {
    size: MiB,
    granularity: 64 * KiB,
    writes: [],
    sha256: 'af5570f5a1810b7af78caf4bc70a660f0df51e42baf91d4de5b2328de0e83dfc',
  },
  'a disk of no bytes': {
    size: 0,
    granularity: 64 * KiB,
    writes: [],
    sha256: 'af5570f5a1810b7af78caf4bc70a660f0df51e42baf91d4de5b2328de0e83dfc',
  },
  'some granules': {
    size: MiB,
    granularity: 64 * KiB,
    writes: [
      [70 * KiB, KiB],
      [512 * KiB, 256 * KiB],
    ],
    sha256: '9cc11f17ef51ad3c0975fbf29bed6ce65001fcc6ef7b23b6b6bc1d3310446a6c',
  },
  'an odd disk, all dirty': {
    size: 200 * KiB,
    granularity: 64 * KiB,
    writes: [[0, 200 * KiB]],
    sha256: 'a4bd89d0c3e16ec03c5436d0b9b8eb1a934beeac808447459e5ee2f9a23e97d7',
  },
  'the tail of an odd disk': {
    size: 200 * KiB,
    granularity: 64 * KiB,
    writes: [[196 * KiB, 4 * KiB]],
    sha256: '6cc16abd70eefb90dc0ba0d14fb088630873b2c6ad943f7442356735984c35a3',
  },
  'a full leaf': {
    size: 64 * MiB,
    granularity: 64 * KiB,
    writes: [[0, 64 * MiB]],
    sha256: 'e9175db65a9789096ca9cb5524d3abc2107df03e3c9ba3af1aca628f9c5d3bd2',
  },
  'one granule more than a leaf': {
    size: 64 * MiB + 512,
    granularity: 64 * KiB,
    writes: [
      [64 * MiB, 512],
      [0, MiB],
    ],
    sha256: 'acecc7373d8f6b3b71acaae09408c2cd9fe982bff045b1b86bfac3e9bff25367',
  },
  'many granules': {
    size: 65 * MiB,
    granularity: 512,
    writes: [
      [12_345 * 512, 3 * MiB],
      [65 * MiB - 512, 512],
    ],
    sha256: '83bb21fc1a890cda90f36fc87d6fc6437be107869ebfd12f7fe7989f9b7983f2',
  },
  'a long run': {
    size: 3 * GiB,
    granularity: 4 * KiB,
    writes: [[GiB - 4 * KiB, GiB + 8 * KiB]],
    sha256: '4c9bd2dee2b9421c925544631f759ec67c8b15e2901aeef59a5e1cea53267c9a',
  },
  'long gaps': {
    size: TiB,
    granularity: 64 * KiB,
    writes: [
      [TiB / 2 + 5 * 64 * KiB, 3 * 64 * KiB],
      [TiB - 512, 512],
      [16 * GiB, GiB],
    ],
    sha256: 'd4943987dccd299d401e04210115c33e86f90fdef64e21da0c697f8203cc23a9',
  },
};

describe('checksum()', () => {
  it.each(Object.entries(QEMU_CASES))('is the one QEMU computes: %s', (_, qemu) => {
    const bitmap = new DirtyBitmap(qemu.size, qemu.granularity);
    for (const [offset, length] of qemu.writes) bitmap.mark(offset, length);
    expect(bitmap.checksum()).toBe(qemu.sha256);
  });

  it.each([1, 63, 64, 65, 1024, 20_000])('is that of the dense bits of %d granules', (granules) => {
    const random = seededRandom(granules);
    const bitmap = new DirtyBitmap(granules * 512, 512);
    for (let round = 0; round < 20; round += 1) {
      const offset = random.below(bitmap.size);
      bitmap.mark(offset, 1 + random.below(bitmap.size - offset));
      bitmap.clear(random.below(granules) * 512, 512);
      expect(bitmap.checksum()).toBe(denseChecksum(bitmap));
    }
  });

  it('goes with the bits and not with how they came about', () => {
    const piecemeal = new DirtyBitmap(MiB, 512);
    for (let offset = MiB - 512; offset >= 0; offset -= 512) piecemeal.mark(offset, 1);
    const atOnce = new DirtyBitmap(MiB, 512);
    atOnce.markAll();
    expect(piecemeal.checksum()).toBe(atOnce.checksum());
  });
});
