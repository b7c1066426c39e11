import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { blockBuffer } from '../../src/workload/content.ts';
import { GuestLog } from '../../src/workload/oracle.ts';
import { FakeClock } from '../support/fake-clock.ts';

const blockSize = 4096;
const areaOffset = 8192;
const clock = new FakeClock();

/** A log of a guest, and a disk that the test writes itself. */
function rig({ blocks = 1000, size = blockSize } = {}) {
  const area = { offset: areaOffset, length: blocks * size };
  const log = new GuestLog({ seed: 1, blockSize: size, area });
  const disk = new Uint8Array(areaOffset + area.length);
  const reads: number[] = [];
  /** Puts a write on the disk, as the log says or of another sequence. */
  const put = (block: number, sequence: number) => {
    const buffer = blockBuffer(size);
    log.content.write(buffer, log.offsetOf(block), sequence);
    disk.set(buffer.bytes, log.offsetOf(block));
  };
  const write = (block: number) => {
    put(block, log.begin(block));
    log.acknowledge(block);
  };
  const read = (offset: number, into: Uint8Array) => {
    reads.push(into.length);
    into.set(disk.subarray(offset, offset + into.length));
  };
  return { log, disk, reads, put, write, read, verify: () => log.verify(read, clock) };
}

describe('GuestLog', () => {
  it('numbers the writes to each block from 1', () => {
    const { log, write } = rig();
    expect(log.acknowledged(3)).toBe(0);
    write(3);
    write(3);
    write(4);
    expect([log.acknowledged(3), log.acknowledged(4), log.acknowledged(5)]).toEqual([2, 1, 0]);
  });

  it('knows which blocks are being written', () => {
    const { log } = rig();
    log.begin(3);
    expect([log.isWriting(3), log.isWriting(4)]).toEqual([true, false]);
    log.acknowledge(3);
    expect(log.isWriting(3)).toBe(false);
    log.begin(3);
    log.fail(3);
    expect(log.isWriting(3)).toBe(false);
  });

  it('counts a failed write, which may be on the disk', () => {
    const { log, write } = rig();
    write(3);
    expect(log.begin(3)).toBe(2);
    log.fail(3);
    expect([log.acknowledged(3), log.newest(3)]).toEqual([1, 2]);
    expect(log.begin(3)).toBe(3);
    log.acknowledge(3);
    expect([log.acknowledged(3), log.newest(3)]).toEqual([3, 3]);
  });

  it('refuses two writes to a block at a time, and ends without a beginning', () => {
    const { log } = rig();
    log.begin(3);
    expect(() => log.begin(3)).toThrow('Assertion failed');
    expect(() => log.acknowledge(4)).toThrow('Assertion failed');
    log.fail(3);
    expect(() => log.fail(3)).toThrow('Assertion failed');
    expect(() => log.acknowledge(3)).toThrow('Assertion failed');
  });

  it('remembers blocks anywhere on a large disk', () => {
    const blocks = 2 ** 43 + 10;
    const area = { offset: 0, length: blocks * 512 };
    const log = new GuestLog({ seed: 1, blockSize: 512, area });
    for (const block of [0, 2 ** 33, blocks - 1]) {
      log.begin(block);
      log.acknowledge(block);
    }
    expect([log.acknowledged(2 ** 33), log.acknowledged(blocks - 1)]).toEqual([1, 1]);
    expect([log.acknowledged(1), log.acknowledged(2 ** 33 - 2 ** 32)]).toEqual([0, 0]);
  });
});

describe('check()', () => {
  it('says nothing of a block that was never written', () => {
    const { log, disk } = rig();
    expect(log.check(0, disk.subarray(0, blockSize), log.acknowledged(0))).toBeUndefined();
  });

  it('allows what was written since the read began, but nothing before', () => {
    const { log, disk, put, write } = rig();
    const kind = (oldest: number) =>
      log.check(0, disk.subarray(areaOffset, areaOffset + blockSize), oldest)?.kind;
    write(0);
    write(0);
    const oldest = log.acknowledged(0);
    log.begin(0);
    expect(kind(oldest)).toBeUndefined();
    put(0, 3);
    expect(kind(oldest)).toBeUndefined();
    put(0, 1);
    expect(kind(oldest)).toBe('stale');
    put(0, 2);
    log.acknowledge(0);
    expect(kind(oldest)).toBeUndefined();
    expect(kind(log.acknowledged(0))).toBe('stale');
  });
});

describe('verify()', () => {
  it('finds nothing wrong with a disk that holds what was written', async () => {
    const { write, verify } = rig();
    for (const block of [0, 1, 2, 500, 999, 1, 1]) write(block);
    expect(await verify()).toMatchObject({
      blocks: 5,
      undefinedBlocks: 0,
      mismatches: { count: 0 },
    });
  });

  it('finds each block that is wrong, by kind and place', async () => {
    const { log, disk, put, write, verify } = rig();
    for (let block = 0; block < 20; block += 1) {
      write(block);
      write(block);
    }
    put(3, 1);
    disk.fill(0, log.offsetOf(5), log.offsetOf(6));
    disk.set(disk.subarray(log.offsetOf(8), log.offsetOf(9)), log.offsetOf(7));
    disk.fill(0, log.offsetOf(9), log.offsetOf(9) + 512);
    const { mismatches } = await verify();
    expect(mismatches.count).toBe(4);
    expect(mismatches.kinds).toMatchObject({ stale: 1, lost: 1, misplaced: 1, torn: 1 });
    expect(mismatches.examples.map(({ kind, offset }) => [kind, offset])).toEqual([
      ['stale', log.offsetOf(3)],
      ['lost', log.offsetOf(5)],
      ['misplaced', log.offsetOf(7)],
      ['torn', log.offsetOf(9)],
    ]);
  });

  it('finds the last block as well as the first', async () => {
    for (const block of [0, 999]) {
      const { log, disk, write, verify } = rig();
      write(block);
      disk[log.offsetOf(block + 1) - 1] = 0;
      disk[log.offsetOf(block + 1) - 2] = 0;
      expect((await verify()).mismatches.kinds.corrupt).toBe(1);
    }
  });

  it('allows a failed write or one in flight to be there, in part or not at all', async () => {
    const { log, disk, put, write, verify } = rig();
    for (const block of [0, 1, 2, 3]) {
      write(block);
      log.begin(block);
      if (block % 2 === 0) log.fail(block);
    }
    put(1, 2);
    put(2, 2);
    disk.set(disk.subarray(log.offsetOf(2), log.offsetOf(2) + 512), log.offsetOf(2));
    expect(await verify()).toMatchObject({ undefinedBlocks: 0, mismatches: { count: 0 } });
    put(3, 3);
    disk.fill(0, log.offsetOf(0), log.offsetOf(1));
    expect((await verify()).mismatches.kinds).toMatchObject({ foreign: 1, lost: 1 });
  });

  it('counts apart blocks that may hold anything', async () => {
    const { log, disk, write, verify } = rig();
    write(0);
    log.begin(1);
    log.begin(2);
    log.fail(2);
    disk.fill(0xaa, log.offsetOf(1), log.offsetOf(3));
    expect(await verify()).toMatchObject({
      blocks: 1,
      undefinedBlocks: 2,
      mismatches: { count: 0 },
    });
  });

  it('demands a write that was acknowledged after one that failed', async () => {
    const { log, put, write, verify } = rig();
    write(0);
    log.begin(0);
    log.fail(0);
    write(0);
    put(0, 2);
    expect((await verify()).mismatches.kinds.stale).toBe(1);
  });

  it('reads neighbours together, in reads of bounded length', async () => {
    const { write, verify, reads } = rig();
    for (let block = 0; block < 600; block += 1) write(block);
    write(700);
    expect((await verify()).blocks).toBe(601);
    expect(reads).toEqual([256, 256, 88, 1].map((count) => count * blockSize));
  });

  it('reads in the order of the disk, whatever the order of the writes was', async () => {
    const { log, write, read } = rig({ blocks: 9000, size: 512 });
    for (const block of [8999, 5000, 1, 4095, 4096, 0]) write(block);
    const offsets: number[] = [];
    await log.verify((offset, into) => {
      offsets.push(offset);
      read(offset, into);
    }, clock);
    expect(offsets).toEqual([0, 4095, 5000, 8999].map((block) => log.offsetOf(block)));
  });

  it('reads one block at a time when blocks are long', async () => {
    const size = 2 * 1024 * 1024;
    const { write, verify, reads } = rig({ blocks: 3, size });
    write(0);
    write(1);
    expect((await verify()).mismatches.count).toBe(0);
    expect(reads).toEqual([size, size]);
  });

  it('names the blocks that cannot be read, and those alone', async () => {
    const { log, write, read } = rig();
    for (let block = 0; block < 10; block += 1) write(block);
    const broken = log.offsetOf(4);
    const { blocks, mismatches } = await log.verify(async (offset, into) => {
      if (offset <= broken && broken < offset + into.length) {
        throw new BlockError('EIO', 'read', 'broken');
      }
      read(offset, into);
    }, clock);
    expect(blocks).toBe(10);
    expect(mismatches.count).toBe(1);
    expect(mismatches.examples).toMatchObject([{ kind: 'unreadable', offset: broken }]);
  });

  it('passes on an error that is none of the disk', async () => {
    const { log, write } = rig();
    write(0);
    const defect = () => {
      throw new TypeError('a defect');
    };
    await expect(log.verify(defect, clock)).rejects.toThrow('a defect');
  });

  it('may go on while the guest writes', async () => {
    const { log, put, write, read } = rig();
    write(0);
    const verified = log.verify(async (offset, into) => {
      read(offset, into);
      // Acknowledged after the read: it need not be in what was read.
      write(0);
      log.begin(0);
    }, clock);
    expect((await verified).mismatches.count).toBe(0);
    put(0, 1);
    expect((await log.verify(read, clock)).mismatches.kinds.stale).toBe(1);
  });

  it('lets others run between its reads', async () => {
    const { write, verify } = rig();
    for (let block = 0; block < 600; block += 1) write(block);
    const before = clock.turns;
    await verify();
    expect(clock.turns - before).toBe(3);
  });
});
