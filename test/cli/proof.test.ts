import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ProofOptions, prove } from '../../src/cli/proof.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { blockBuffer } from '../../src/workload/content.ts';
import { GuestLog } from '../../src/workload/oracle.ts';
import { pattern } from '../support/drivers.ts';
import { withFolder } from '../support/temporary.ts';

const SIZE = 64 * 1024;
const BLOCK = 4096;

interface Disks {
  readonly source: Uint8Array;
  readonly target: Uint8Array;
  readonly log: GuestLog;
  /** A write of the guest, on one disk or both. */
  write(block: number, ...disks: readonly Uint8Array[]): void;
}

/** Makes two equal disks, lets the test change them, and proves what is left. */
function proveAfter(
  change: (disks: Disks) => void,
  options: Partial<ProofOptions> & { readonly size?: number } = {},
) {
  const { size = SIZE, ...others } = options;
  const [source, target] = [pattern(size), pattern(size)];
  const area = { offset: BLOCK, length: SIZE - 2 * BLOCK };
  const log = new GuestLog({ seed: 1, blockSize: BLOCK, area });
  const write = (block: number, ...disks: readonly Uint8Array[]) => {
    const buffer = blockBuffer(BLOCK);
    log.content.write(buffer, log.offsetOf(block), log.begin(block));
    for (const disk of disks) disk.set(buffer.bytes, log.offsetOf(block));
    log.acknowledge(block);
  };
  change({ source, target, log, write });
  return withFolder(async (folder) => {
    const paths = { source: join(folder, 'source'), target: join(folder, 'target') };
    await writeFile(paths.source, source);
    await writeFile(paths.target, target);
    const defaults = { switched: false, log, onProgress: () => {} };
    return prove(nodeEnv(), { ...paths, ...defaults, ...others });
  });
}

describe('prove()', () => {
  it('holds when source and target are the same, and says how much that is', async () => {
    const proof = await proveAfter(({ source, target, write }) => write(3, source, target));
    expect(proof).toMatchObject({ holds: true, bytes: SIZE, written: 0, wrong: 0 });
    expect(proof.guest).toMatchObject({ blocks: 1 });
  });

  it.each([0, 1, 511, 512, 30_000, SIZE - 1])('finds the one wrong byte at %d', async (at) => {
    const proof = await proveAfter(({ target }) => {
      target[at] = (target[at] ?? 0) ^ 1;
    });
    const sector = { offset: at - (at % 512), length: 512 };
    expect(proof).toMatchObject({ holds: false, written: 0, wrong: 512, firstWrong: sector });
  });

  it('finds a wrong byte outside of what a guest who was switched wrote', async () => {
    const change = ({ source, target, write }: Disks) => {
      write(3, source, target);
      write(3, target);
      target[0] = (target[0] ?? 0) ^ 1;
    };
    const proof = await proveAfter(change, { switched: true });
    expect(proof).toMatchObject({ holds: false, written: BLOCK, wrong: 512 });
    expect(proof.firstWrong).toEqual({ offset: 0, length: 512 });
  });

  it('finds one in the area of a guest who was switched, but where he never wrote', async () => {
    const change = ({ target, log, write }: Disks) => {
      write(3, target);
      const at = log.offsetOf(4);
      target[at] = (target[at] ?? 0) ^ 1;
    };
    const proof = await proveAfter(change, { switched: true });
    expect(proof).toMatchObject({ holds: false, written: BLOCK, wrong: 512 });
  });

  it('lets a guest who was switched write to the target alone, and nobody else', async () => {
    const change = ({ target, write }: Disks) => write(3, target);
    const switched = await proveAfter(change, { switched: true });
    expect(switched).toMatchObject({ holds: true, written: BLOCK, wrong: 0 });
    const stayed = await proveAfter(change, { switched: false });
    expect(stayed).toMatchObject({ holds: false, written: 0, wrong: BLOCK });
  });

  it('finds a write of the guest that is on neither, though they are the same', async () => {
    const proof = await proveAfter(({ write }) => write(3));
    expect(proof).toMatchObject({ holds: false, wrong: 0 });
    expect(proof.guest?.mismatches).toMatchObject({ count: 1, kinds: { lost: 1 } });
  });

  it('finds an earlier write of the guest on both, though they are the same', async () => {
    const proof = await proveAfter(({ source, target, write }) => {
      write(3, source, target);
      write(3);
    });
    expect(proof).toMatchObject({ holds: false, wrong: 0 });
    expect(proof.guest?.mismatches.kinds.stale).toBe(1);
  });

  it('finds one wrong byte in what the guest wrote after the switch', async () => {
    const change = ({ target, log, write }: Disks) => {
      write(3, target);
      const at = log.offsetOf(3) + 1000;
      target[at] = (target[at] ?? 0) ^ 1;
    };
    const proof = await proveAfter(change, { switched: true });
    expect(proof).toMatchObject({ holds: false, wrong: 0 });
    expect(proof.guest?.mismatches.count).toBe(1);
  });

  it.each([0, 1, 511, 65_537])('compares all of %d bytes', async (size) => {
    const options = { size, log: undefined };
    expect(await proveAfter(() => {}, options)).toMatchObject({ holds: true, bytes: size });
    if (size === 0) return;
    const change = ({ target }: Disks) => {
      target[size - 1] = (target[size - 1] ?? 0) ^ 1;
    };
    const wrong = (size - 1) % 512 === 0 ? 1 : ((size - 1) % 512) + 1;
    expect(await proveAfter(change, options)).toMatchObject({ holds: false, wrong });
  });

  it('takes what is missing at the end of one for zeroes', () =>
    withFolder(async (folder) => {
      const paths = { source: join(folder, 'source'), target: join(folder, 'target') };
      await writeFile(paths.source, pattern(700));
      await writeFile(paths.target, pattern(700));
      await truncate(paths.target, 1024);
      const rest = { switched: false, log: undefined, onProgress: () => {} };
      const proof = await prove(nodeEnv(), { ...paths, ...rest });
      expect(proof).toMatchObject({ holds: true, bytes: 1024 });
    }));

  it('ends when whoever hears of its progress throws', async () => {
    const onProgress = () => {
      throw new Error('enough');
    };
    await expect(proveAfter(() => {}, { onProgress })).rejects.toThrow('enough');
  });
});
