import { describe, expect, it } from 'vitest';
import { CLEAN, FULL, NodePool } from '../../src/bitmap/node-pool.ts';

function allocateMany(pool: NodePool, count: number): number[] {
  return Array.from({ length: count }, () => pool.allocate(CLEAN));
}

describe('NodePool', () => {
  it('gives out nodes whose slots and summaries are all clean or all full', () => {
    const pool = new NodePool();
    const clean = pool.allocate(CLEAN);
    const full = pool.allocate(FULL);
    expect([pool.dirtySlots(clean), pool.fullSlots(clean)]).toEqual([0, 0]);
    expect([pool.dirtySlots(full), pool.fullSlots(full)]).toEqual([-1, -1]);
    for (let digit = 0; digit < 32; digit += 1) {
      expect([pool.slot(clean, digit), pool.slot(full, digit)]).toEqual([CLEAN, FULL]);
    }
  });

  it('says in the summaries what each slot holds', () => {
    const pool = new NodePool();
    const node = pool.allocate(CLEAN);
    pool.setSlot(node, 0, 7);
    pool.setSlot(node, 5, FULL);
    pool.setSlot(node, 31, FULL);
    pool.setSlot(node, 31, -8);
    expect(pool.dirtySlots(node)).toBe((1 << 0) | (1 << 5) | (1 << 31));
    expect(pool.fullSlots(node)).toBe(1 << 5);
    expect(pool.mixedSlots(node)).toBe((1 << 0) | (1 << 31));
    expect(pool.slotsOtherThan(node, CLEAN)).toBe(pool.dirtySlots(node));
    expect(pool.slotsOtherThan(node, FULL)).toBe(~(1 << 5));
    pool.setSlot(node, 0, CLEAN);
    expect(pool.mixedSlots(node)).toBe(1 << 31);
  });

  it('names no node like the slot values CLEAN and FULL', () => {
    const nodes = allocateMany(new NodePool(), 100);
    expect(new Set(nodes).size).toBe(100);
    expect(Math.min(...nodes)).toBeGreaterThan(0);
  });

  it('keeps what the nodes hold when it grows', () => {
    const pool = new NodePool();
    const nodes = allocateMany(pool, 1000);
    for (const [index, node] of nodes.entries()) pool.setSlot(node, index % 32, index + 1);
    for (const [index, node] of nodes.entries()) {
      expect(pool.slot(node, index % 32)).toBe(index + 1);
    }
  });

  it('gives out freed nodes again before it grows, and as clean as new ones', () => {
    const pool = new NodePool();
    const nodes = allocateMany(pool, 500);
    const { memoryBytes } = pool;
    for (const node of nodes) pool.setSlot(node, 3, 1);
    for (const node of nodes) pool.free(node);
    expect(pool.used).toBe(0);
    expect(new Set(allocateMany(pool, 500))).toEqual(new Set(nodes));
    for (const node of nodes) expect(pool.dirtySlots(node)).toBe(0);
    expect(pool.memoryBytes).toBe(memoryBytes);
  });

  it('is sparse when less than a quarter is used, but never at its smallest', () => {
    const pool = new NodePool();
    expect(pool.isSparse).toBe(false);
    const nodes = allocateMany(pool, 128);
    expect(pool.isSparse).toBe(false);
    for (const node of nodes.slice(40)) pool.free(node);
    expect(pool.isSparse).toBe(true);
  });
});
