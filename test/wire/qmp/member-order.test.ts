import { describe, expect, it } from 'vitest';
import { inMemberOrder } from '../../../src/wire/qmp/member-order.ts';

function namesInOrder(names: readonly string[]): readonly string[] {
  return inMemberOrder(names.map((name) => [name, 0])).map(([name]) => name);
}

describe('inMemberOrder()', () => {
  /** As qemu-storage-daemon 7.2 gave them back. */
  const names =
    'seconds timestamp QMP 0 version class capabilities minor qemu a 10 execute package b ' +
    'event microseconds desc return c major id error data';
  const order = names.split(' ');

  it('is that of the hash table, whatever the order before', () => {
    expect(namesInOrder(order)).toEqual(order);
    expect(namesInOrder(order.toSorted())).toEqual(order);
  });

  it('counts bytes of UTF-8', () => {
    const long = 'long key with spaces and more than thirty characters';
    expect(namesInOrder(['😀', long, 'é'])).toEqual(['é', long, '😀']);
  });

  it('has the last one first where the table cannot tell them apart', () => {
    expect(namesInOrder(['major', 'minor', 'micro'])).toEqual(['micro', 'minor', 'major']);
    expect(namesInOrder(['micro', 'minor', 'major'])).toEqual(['minor', 'micro', 'major']);
  });
});
