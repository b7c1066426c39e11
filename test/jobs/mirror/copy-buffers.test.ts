import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/base/random.ts';
import { CopyBuffers } from '../../../src/jobs/mirror/copy-buffers.ts';

const LENGTH = 100;

function buffersOf(count: number): { memory: Uint8Array; buffers: CopyBuffers } {
  const memory = new Uint8Array(new ArrayBuffer(count * LENGTH + 70), 16, count * LENGTH);
  return { memory, buffers: new CopyBuffers(memory, LENGTH) };
}

describe('the buffers of copies', () => {
  it('are given once each, the first that is free first, until all are taken', () => {
    const { memory, buffers } = buffersOf(3);
    const taken = [1, LENGTH, 1].map((length) => buffers.take(length));
    expect(taken.map(({ byteOffset }) => byteOffset - memory.byteOffset)).toEqual([0, 100, 200]);
    expect(taken.map(({ length }) => length)).toEqual([LENGTH, LENGTH, LENGTH]);
    expect(buffers.isEmpty).toBe(true);
    expect(() => buffers.take(1)).toThrow('there is a free buffer');
    for (const bytes of taken.slice(1)) buffers.give(bytes);
    expect(buffers.take(1).byteOffset - memory.byteOffset).toBe(100);
  });

  it('are given two in one to a long copy, where two lie side by side', () => {
    const { memory, buffers } = buffersOf(4);
    const first = buffers.take(LENGTH);
    const pair = buffers.take(LENGTH + 1);
    expect(pair).toHaveLength(2 * LENGTH);
    expect(pair.byteOffset - memory.byteOffset).toBe(LENGTH);
    buffers.give(first);
    // The first and the last are free.
    expect(buffers.take(2 * LENGTH)).toHaveLength(LENGTH);
    buffers.give(pair);
    expect(buffers.take(9 * LENGTH)).toHaveLength(2 * LENGTH);
  });

  it('never overlap, and are all there in the end, whatever order they come and go in', () => {
    for (let seed = 0; seed < 20; seed += 1) {
      const random = seededRandom(seed);
      const { memory, buffers } = buffersOf(16);
      const taken: Uint8Array[] = [];
      for (let step = 0; step < 500; step += 1) {
        if (!buffers.isEmpty && random.below(2) === 0) {
          const bytes = buffers.take(random.below(2) === 0 ? LENGTH : 2 * LENGTH);
          expect(bytes.every((byte) => byte === 0)).toBe(true);
          taken.push(bytes.fill(1));
        } else if (taken.length > 0) {
          const [bytes] = taken.splice(random.below(taken.length), 1);
          if (bytes) buffers.give(bytes.fill(0));
        }
      }
      for (const bytes of taken) buffers.give(bytes.fill(0));
      for (let left = 16; left > 0; left -= 1) {
        expect(buffers.isEmpty).toBe(false);
        buffers.take(1);
      }
      expect(buffers.isEmpty).toBe(true);
      expect(memory.every((byte) => byte === 0)).toBe(true);
    }
  });
});
