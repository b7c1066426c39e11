import { describe, expect, it } from 'vitest';
import { BufferPool } from '../../../src/exports/nbd/buffer-pool.ts';

const MIB = 1024 * 1024;

describe('a pool of buffers', () => {
  it('gives what was given back, to all that fit', () => {
    const pool = new BufferPool();
    const buffer = pool.take(5000);
    expect(buffer).toHaveLength(8192);
    pool.give(buffer);
    expect(pool.take(9000)).not.toBe(buffer);
    expect(pool.take(8192)).toBe(buffer);
    expect(pool.take(8192)).not.toBe(buffer);
    expect(pool.take(1)).toHaveLength(4096);
  });

  it('keeps so many bytes at most', () => {
    const pool = new BufferPool();
    for (let count = 0; count < 20; count += 1) pool.give(new Uint8Array(4 * MIB));
    expect(pool.idleBytes).toBe(32 * MIB);
    pool.take(4 * MIB);
    expect(pool.idleBytes).toBe(28 * MIB);
  });
});
