import { describe, expect, it } from 'vitest';
import { BlockEdge } from '../../src/block/edge.ts';
import { nodeOf, pattern, TestDisk } from '../support/drivers.ts';
import { settle } from '../support/settle.ts';

/** An edge whose requests wait until the test lets them go. */
function limitedEdge() {
  const disk = new TestDisk({ size: 1024 });
  const edge = new BlockEdge(nodeOf(disk, { unmap: true }), { name: 'device' });
  const asked: string[] = [];
  const waiting: (() => void)[] = [];
  edge.limit = {
    admit: (direction, bytes) => {
      asked.push(`${direction} ${bytes}`);
      return new Promise((resolve) => waiting.push(resolve));
    },
  };
  const letGo = () => {
    for (const go of waiting.splice(0)) go();
  };
  return { disk, edge, asked, letGo };
}

describe('an edge with a limit', () => {
  it('asks it before reads, writes, zeroes and discards, but not before flushes', async () => {
    const { disk, edge, asked, letGo } = limitedEdge();
    const all = [
      edge.read(0, new Uint8Array(8)),
      edge.write(0, pattern(16)),
      edge.writeZeroes(0, 32),
      edge.discard(0, 64),
      edge.flush(),
    ];
    await settle();
    expect(asked).toEqual(['read 8', 'write 16', 'write 32', 'write 64']);
    expect(disk.operations).toEqual(['flush']);
    letGo();
    await Promise.all(all);
    expect(disk.operations).toEqual(['flush', 'read', 'write', 'writeZeroes', 'discard']);
  });

  it('holds back in a drain what the limit has let go', async () => {
    const { disk, edge, letGo } = limitedEdge();
    const reading = edge.read(0, new Uint8Array(8));
    edge.hold();
    letGo();
    await settle();
    expect(disk.operations).toEqual([]);
    edge.letGo();
    await reading;
    expect(disk.operations).toEqual(['read']);
  });

  it('goes on at once where the limit lets a request go at once', () => {
    const { edge } = limitedEdge();
    edge.limit = { admit: () => undefined };
    expect(edge.read(0, new Uint8Array(8))).toBeUndefined();
  });
});
