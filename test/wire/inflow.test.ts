import { describe, expect, it } from 'vitest';
import { type Random, seededRandom } from '../../src/base/random.ts';
import { Inflow } from '../../src/wire/inflow.ts';
import { hex, toHex } from '../support/hex.ts';

function inflowOf(...pieces: readonly string[]): Inflow {
  const inflow = new Inflow();
  for (const piece of pieces) inflow.push(hex(piece));
  return inflow;
}

describe('Inflow', () => {
  it('gives bytes in the order in which they came', () => {
    const inflow = inflowOf('00 01 02', '03', '04 05');
    expect(toHex(inflow.take(2))).toBe('0001');
    expect(toHex(inflow.take(3))).toBe('020304');
    expect(inflow.length).toBe(1);
    expect(toHex(inflow.take(1))).toBe('05');
    expect(inflow.length).toBe(0);
  });

  it('takes nothing as nothing, also at the end of a piece', () => {
    const inflow = inflowOf('00', '01');
    expect(inflow.take(0)).toHaveLength(0);
    inflow.skip(1);
    expect(inflow.take(0)).toHaveLength(0);
    inflow.skip(1);
    expect(inflow.take(0)).toHaveLength(0);
    inflow.push(new Uint8Array(0));
    expect(inflow.length).toBe(0);
  });

  it('refuses to take more than has come', () => {
    expect(() => inflowOf('00 01').take(3)).toThrow('Assertion failed');
    expect(() => new Inflow().take(1)).toThrow('Assertion failed');
  });

  it('takes into a part of a buffer as much as there is and as fits', () => {
    const into = hex('ff ff ff ff ff ff');
    const inflow = inflowOf('00 01', '02 03 04 05 06');
    expect(inflow.takeInto(into, 1, 4)).toBe(3);
    expect(toHex(into)).toBe('ff000102ffff');
    expect(inflow.takeInto(into, 3)).toBe(3);
    expect(toHex(into)).toBe('ff0001030405');
    expect(inflow.takeInto(into)).toBe(1);
    expect(inflow.takeInto(into)).toBe(0);
    expect(toHex(into)).toBe('060001030405');
  });

  it('takes nothing where there is no room', () => {
    const inflow = inflowOf('00 01 02');
    const into = new Uint8Array(4);
    expect(inflow.takeInto(into, 4)).toBe(0);
    expect(inflow.takeInto(into, 3, 1)).toBe(0);
    expect(inflow.length).toBe(3);
  });

  it('skips as much as there is and as was asked for', () => {
    const inflow = inflowOf('00 01', '02 03 04');
    expect(inflow.skip(3)).toBe(3);
    expect(toHex(inflow.take(1))).toBe('03');
    inflow.push(hex('05 06 07'));
    expect(inflow.skip(2)).toBe(2);
    expect(toHex(inflow.take(1))).toBe('06');
    expect(inflow.skip(10)).toBe(1);
    expect(inflow.skip(1)).toBe(0);
  });

  it('needs the memory of a piece no longer once it has kept it', () => {
    const inflow = new Inflow();
    const memory = new Uint8Array(3);
    for (const first of [0, 3, 6]) {
      memory.set([first, first + 1, first + 2]);
      inflow.push(memory);
      inflow.skip(1);
      inflow.keep();
    }
    memory.fill(0xff);
    expect(toHex(inflow.take(6))).toBe('030405060708');
  });

  it.each([1, 2, 3, 4])('is a queue of bytes whatever is done to it: %i', (seed) => {
    checkAgainstModel(seededRandom(seed));
  });
});

/** Does 1000 random things to a queue, and the same to an array. */
function checkAgainstModel(random: Random): void {
  const inflow = new Inflow();
  let model: number[] = [];
  for (let step = 0; step < 1000; step += 1) {
    // Long pieces and short ones, and times in which more comes than goes.
    const length = random.below(random.below(10) === 0 ? 3000 : 50);
    const isGrowing = Math.floor(step / 100) % 2 === 0;
    if (random.below(4) < (isGrowing ? 3 : 1)) {
      const piece = new Uint8Array(length);
      random.fill(piece);
      inflow.push(piece);
      model.push(...piece);
      if (random.below(2) === 0) {
        inflow.keep();
        piece.fill(0xff);
      }
    } else {
      const count = Math.min(length, model.length);
      expect(takeSomehow(inflow, { length, count }, random)).toBe(toHex(model.slice(0, count)));
      model = model.slice(count);
    }
    expect(inflow.length).toBe(model.length);
  }
}

/** Takes `count` bytes, all there are of `length`. @returns Them, in hexadecimal. */
function takeSomehow(
  inflow: Inflow,
  { length, count }: { readonly length: number; readonly count: number },
  random: Random,
): string {
  if (random.below(2) === 0) return toHex(inflow.take(count));
  const into = new Uint8Array(length + 10);
  const at = random.below(10);
  expect(inflow.takeInto(into, at, at + length)).toBe(count);
  expect(into.subarray(0, at).every((byte) => byte === 0)).toBe(true);
  expect(into.subarray(at + count).every((byte) => byte === 0)).toBe(true);
  return toHex(into.subarray(at, at + count));
}
