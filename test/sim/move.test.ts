import { describe, expect, it } from 'vitest';
import { isIndependent, type MoveAction } from '../../src/sim/move.ts';
import type { DiskCall } from '../../src/sim/turnstile.ts';
import { FakeView } from './oracle/fake-view.ts';

const view = new FakeView();

function effect(call: Partial<DiskCall>): MoveAction {
  return { type: 'effect', passage: view.passage(call) };
}

const WRITE = effect({ operation: 'write', offset: 0, length: 1024 });
const SUBMIT: MoveAction = { type: 'submit', index: 0 };

describe('isIndependent()', () => {
  it.each([
    ['a write beside it', effect({ operation: 'write', offset: 1024 }), true],
    ['a write that overlaps', effect({ operation: 'write', offset: 512 }), false],
    ['a read that overlaps', effect({ operation: 'read', offset: 512 }), false],
    ['a read beside it', effect({ operation: 'read', offset: 1024 }), true],
    ['a write to the other disk', effect({ operation: 'write', disk: 'target' }), true],
    ['a flush of the disk', effect({ operation: 'flush', length: 0 }), false],
    ['a request of the guest', SUBMIT, true],
    ['an answer', { type: 'answer', passage: view.passage({ disk: 'target' }) }, false],
    ['a verb', { type: 'verb', verb: 'pause' }, false],
    ['the time', { type: 'timer' }, false],
  ] as const)('tells of a write that takes effect and %s', (_, other, expected) => {
    expect(isIndependent(WRITE, other)).toBe(expected);
    expect(isIndependent(other, WRITE)).toBe(expected);
  });

  it('lets two reads of one place change places', () => {
    expect(isIndependent(effect({ operation: 'read' }), effect({ operation: 'read' }))).toBe(true);
  });
});
