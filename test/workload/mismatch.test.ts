import { describe, expect, it } from 'vitest';
import { blockBuffer, GuestContent } from '../../src/workload/content.ts';
import { type Allowed, BlockJudge, MismatchTally } from '../../src/workload/mismatch.ts';

const blockSize = 4096;
const offset = 40_960;
const content = new GuestContent({ seed: 1, blockSize });
const judge = new BlockJudge(content);

function written({ sequence = 5, at = offset, by = content } = {}): Uint8Array {
  const buffer = blockBuffer(blockSize);
  by.write(buffer, at, sequence);
  return buffer.bytes;
}

/** The first so many sectors of one block, and the rest of another. */
function joined(head: Uint8Array, sectors: number, tail: Uint8Array): Uint8Array {
  const bytes = Uint8Array.from(tail);
  bytes.set(head.subarray(0, sectors * 512));
  return bytes;
}

function kindOf(bytes: Uint8Array, allowed: Allowed = { oldest: 5, newest: 5 }) {
  return judge.judge(bytes, offset, allowed)?.kind;
}

describe('a block with one acknowledged write', () => {
  it('is good when it holds that write', () => {
    expect(kindOf(written())).toBeUndefined();
  });

  it('is lost when it holds no stamp', () => {
    expect(kindOf(new Uint8Array(blockSize))).toBe('lost');
    expect(kindOf(new Uint8Array(blockSize).fill(0xaa))).toBe('lost');
  });

  it('is stale when it holds an earlier write', () => {
    expect(kindOf(written({ sequence: 4 }))).toBe('stale');
  });

  it('is torn when only a part of it is the write', () => {
    for (const sectors of [1, 4, 7]) {
      expect(kindOf(joined(written(), sectors, written({ sequence: 4 })))).toBe('torn');
      expect(kindOf(joined(written(), sectors, new Uint8Array(blockSize)))).toBe('torn');
    }
  });

  it('is torn when it holds two earlier writes', () => {
    expect(kindOf(joined(written({ sequence: 2 }), 3, written({ sequence: 4 })))).toBe('torn');
  });

  it('is misplaced when it holds a write to another place', () => {
    expect(kindOf(written({ at: offset + blockSize }))).toBe('misplaced');
    expect(kindOf(joined(written({ at: 0 }), 1, written()))).toBe('misplaced');
  });

  it('is foreign when it holds the write of another guest', () => {
    const other = new GuestContent({ seed: 2, blockSize });
    expect(kindOf(written({ by: other }))).toBe('foreign');
  });

  it('is foreign when it holds a write that was not made', () => {
    expect(kindOf(written({ sequence: 6 }))).toBe('foreign');
  });

  it('is corrupt when any byte is wrong', () => {
    for (const at of [4, 31, 32, 511, 512 + 100, blockSize - 1]) {
      const bytes = written();
      bytes[at] = (bytes[at] ?? 0) ^ 0x10;
      expect(kindOf(bytes)).toBe('corrupt');
    }
  });

  it('is corrupt when its filling is of another write', () => {
    const bytes = written();
    bytes.set(written({ sequence: 4 }).subarray(32, 512), 32);
    expect(kindOf(bytes)).toBe('corrupt');
  });
});

describe('a block with writes that are not acknowledged', () => {
  const allowed = { oldest: 5, newest: 7 };

  it('is good with any of them, and with a part of each', () => {
    for (const sequence of [5, 6, 7])
      expect(kindOf(written({ sequence }), allowed)).toBeUndefined();
    const parts = joined(written({ sequence: 6 }), 3, written({ sequence: 5 }));
    expect(kindOf(joined(written({ sequence: 7 }), 1, parts), allowed)).toBeUndefined();
  });

  it('is good when a sector is in part of one and in part of another, its stamp too', () => {
    for (const cut of [8, 40, 511, 512 + 200]) {
      const bytes = written({ sequence: 7 });
      bytes.set(written({ sequence: 5 }).subarray(cut), cut);
      expect(kindOf(bytes, allowed)).toBeUndefined();
    }
  });

  it('is corrupt when a sector is in part of an earlier one', () => {
    const bytes = written({ sequence: 7 });
    bytes.set(written({ sequence: 4 }).subarray(40, 512), 40);
    expect(kindOf(bytes, allowed)).toBe('corrupt');
  });

  it('is stale with an earlier one, torn with a part of an earlier one', () => {
    const stale = written({ sequence: 4 });
    expect(kindOf(stale, allowed)).toBe('stale');
    expect(kindOf(joined(stale, 1, written({ sequence: 6 })), allowed)).toBe('torn');
  });

  it('is corrupt when a byte is of none of them', () => {
    const bytes = written({ sequence: 6 });
    bytes[600] = (bytes[600] ?? 0) ^ 1;
    expect(kindOf(bytes, allowed)).toBe('corrupt');
  });
});

describe('messages', () => {
  it('say where, what must be there and what is', () => {
    const message = (bytes: Uint8Array, allowed: Allowed = { oldest: 5, newest: 5 }) =>
      judge.judge(bytes, offset, allowed)?.message;
    expect(message(written({ sequence: 4 }))).toBe(
      'stale: the block at 40960 must hold write 5; all of its sectors do not: write 4',
    );
    expect(message(joined(written({ at: 0 }), 1, written()))).toBe(
      'misplaced: the block at 40960 must hold write 5; ' +
        '1 of 8 of its sectors do not: write 5 to offset 0',
    );
    expect(message(new Uint8Array(blockSize), { oldest: 5, newest: 7 })).toBe(
      'lost: the block at 40960 must hold write 5 to 7; all of its sectors do not: no stamp',
    );
  });
});

describe('MismatchTally', () => {
  it('counts all and shows the first few', () => {
    const tally = new MismatchTally();
    for (let at = 0; at < 20; at += 1) tally.add({ kind: 'stale', offset: at, message: '' });
    tally.add({ kind: 'lost', offset: 99, message: '' });
    const { count, kinds, examples } = tally.statistics();
    expect(count).toBe(21);
    expect(kinds).toMatchObject({ stale: 20, lost: 1, torn: 0 });
    expect(examples.map((example) => example.offset)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('does not share its counts with another', () => {
    new MismatchTally().add({ kind: 'lost', offset: 0, message: '' });
    expect(new MismatchTally().statistics().kinds.lost).toBe(0);
  });
});
