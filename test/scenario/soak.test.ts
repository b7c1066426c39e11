/** The parts of `npm run soak` that decide what is right: they must be able to say no. */

import { describe, expect, it } from 'vitest';
import { between, DiskContent } from '../../bench/soak-content.ts';
import { Counts } from '../../bench/soak-counts.ts';
import { judgeRound, type MemoryResult } from '../../bench/soak-judge.ts';
import { ChangeLog } from '../../bench/soak-log.ts';
import { drawPlan } from '../../bench/soak-plan.ts';
import { BlockGraph } from '../../src/block/graph.ts';
import { drivers } from '../../src/drivers/index.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { blockBuffer } from '../../src/workload/content.ts';

const SIZE = 256 * 1024;
const AREA = { offset: 64 * 1024, length: 16 * 1024 };
const BLOCK_SIZE = 4096;

describe('the plan of a round', () => {
  it('is the same for the same seed and round, and another for others', () => {
    const plan = (seed: number, round: number) => JSON.stringify(drawPlan({ seed, round }));
    expect(plan(7, 3)).toBe(plan(7, 3));
    expect(plan(7, 4)).not.toBe(plan(7, 3));
    expect(plan(8, 3)).not.toBe(plan(7, 3));
  });

  it('gives each guest an area of its own on the disk', () => {
    for (let round = 1; round <= 500; round += 1) {
      const { size, guests } = drawPlan({ seed: 1, round });
      const areas = guests.map(({ options }) => options.area);
      const quiet = between(size, areas);
      const total = [...areas, ...quiet].reduce((sum, { length }) => sum + length, 0);
      expect(total).toBe(size);
      for (const { offset, length } of areas) expect([offset % 512, length % 512]).toEqual([0, 0]);
    }
  });

  it('comes to every kind of round, fault and ending', () => {
    const seen = new Set<string>();
    for (let round = 1; round <= 500; round += 1) {
      const plan = drawPlan({ seed: 1, round });
      seen.add(plan.kind).add(plan.ending.kind);
      if (plan.kind === 'memory') seen.add(`fault: ${plan.fault.kind}`);
    }
    const faults = ['none', 'target', 'source', 'guest', 'hang', 'power-cut'];
    const kinds = ['memory', 'files', 'crash', 'switch', 'finish', 'cancel', 'force'];
    expect([...seen].sort()).toEqual([...kinds, ...faults.map((kind) => `fault: ${kind}`)].sort());
  });
});

describe('the memory of a guest that zeroes and discards', () => {
  function write(log: ChangeLog, block: number): Uint8Array {
    const buffer = blockBuffer(BLOCK_SIZE);
    log.content.write(buffer, log.offsetOf(block), log.begin(block, 'write'));
    return buffer.bytes;
  }

  const newLog = () => new ChangeLog({ seed: 1, area: AREA, blockSize: BLOCK_SIZE });

  it('wants a block to hold what was last acknowledged', () => {
    const log = newLog();
    const first = write(log, 0);
    log.acknowledge(0);
    const second = write(log, 0);
    log.acknowledge(0);
    expect(log.judge(0, second)).toBeUndefined();
    expect(log.judge(0, first)).toMatch(/must hold write 2/);
    expect(log.judge(0, new Uint8Array(BLOCK_SIZE))).toMatch(/must hold write 2/);
  });

  it('takes either, sector by sector, while a change is in flight and when it has failed', () => {
    const log = newLog();
    const first = write(log, 0);
    log.acknowledge(0);
    log.begin(0, 'zeroes');
    const torn = first.slice().fill(0, 512, 1024);
    expect(log.judge(0, torn)).toBeUndefined();
    log.fail(0);
    expect(log.judge(0, torn)).toBeUndefined();
    log.begin(0, 'zeroes');
    log.acknowledge(0);
    expect(log.judge(0, torn)).toMatch(/must hold zeroes/);
  });

  it('takes anything after a discard and of what nobody wrote', () => {
    const log = newLog();
    write(log, 0);
    log.acknowledge(0);
    log.begin(0, 'discard');
    log.acknowledge(0);
    expect([0, 1].map((block) => log.judge(block, new Uint8Array(BLOCK_SIZE)))).toEqual([
      undefined,
      undefined,
    ]);
  });
});

describe('the judgement of a mirror that has finished', () => {
  /** Two disks as a mirror leaves them. @param spoil Makes one wrong. */
  async function judge(
    spoil: (disks: MemoryResult) => Promise<void>,
    ended: Partial<MemoryResult> = {},
  ): Promise<Counts> {
    const graph = new BlockGraph(nodeEnv(), drivers);
    const open = (name: string) => graph.open({ driver: 'memory', 'node-name': name, size: SIZE });
    const content = new DiskContent(1, SIZE);
    const [source, target] = [await open('source'), await open('target')];
    const log = new ChangeLog({ seed: 1, area: AREA, blockSize: BLOCK_SIZE });
    const buffer = blockBuffer(BLOCK_SIZE);
    log.content.write(buffer, log.offsetOf(1), log.begin(1, 'write'));
    log.acknowledge(1);
    for (const disk of [source, target]) {
      for (const { offset, bytes } of content.pieces(SIZE)) await disk.write(offset, bytes);
      await disk.write(log.offsetOf(1), buffer.bytes);
    }
    const frozen = [log.freeze()];
    const result: MemoryResult = {
      ...{ source, target, content, outcome: 'completed', switched: false },
      ...{ atEnd: frozen, now: frozen, isStill: false, ...ended },
    };
    await spoil(result);
    const counts = new Counts();
    await judgeRound({ size: SIZE, mirror: {} }, counts, result);
    await graph.closeAll();
    return counts;
  }

  it('finds nothing wrong with what is right', async () => {
    const counts = await judge(async () => {});
    expect(counts.found).toEqual({ mismatches: 0, leaks: 0, violations: 0 });
    expect(counts.verified.blocks).toBe(2);
  });

  it.each([
    ['a lost write on the target', 'target', AREA.offset + BLOCK_SIZE],
    ['a lost write on the source', 'source', AREA.offset + BLOCK_SIZE],
    ['a byte on the target that nobody wrote', 'target', 1000],
    ['a byte on the source that nobody wrote', 'source', SIZE - 1],
  ] as const)('finds %s', async (_what, role, offset) => {
    const counts = await judge((disks) => write(disks, role, offset));
    expect(counts.found.mismatches).toBeGreaterThan(0);
  });

  it('finds a difference where anything may be, when the guests had stopped', async () => {
    const spoil = (disks: MemoryResult) => write(disks, 'target', AREA.offset);
    expect((await judge(spoil, { isStill: true })).found.mismatches).toBe(1);
  });

  async function write(disks: MemoryResult, role: 'source' | 'target', offset: number) {
    const byte = new Uint8Array(1);
    await disks[role].read(offset, byte);
    await disks[role].write(
      offset,
      byte.map((value) => value ^ 0xff),
    );
  }
});
