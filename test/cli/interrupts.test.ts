import { describe, expect, it } from 'vitest';
import { Interrupted, Interrupts } from '../../src/cli/interrupts.ts';
import { FakeIo } from '../support/fake-io.ts';

function rig() {
  const io = new FakeIo();
  return { io, interrupts: new Interrupts(io) };
}

describe('Interrupts', () => {
  it('count, and tell what the one in charge says', () => {
    const { io, interrupts } = rig();
    interrupts.handle((count) => `number ${count}`);
    io.interrupt();
    io.interrupt();
    expect(io.stderr).toEqual(['Interrupted: number 1', 'Interrupted: number 2']);
  });

  it('are not lost when they come before anybody is in charge', () => {
    const { io, interrupts } = rig();
    io.interrupt();
    expect(io.stderr).toEqual([]);
    interrupts.handle((count) => `number ${count}`);
    expect(io.stderr).toEqual(['Interrupted: number 1']);
  });

  it('say nothing when output was lost, for that was told', () => {
    const { io, interrupts } = rig();
    const counts: number[] = [];
    interrupts.handle((count) => `${counts.push(count)}`);
    io.interrupt('lost output');
    expect([counts, io.stderr]).toEqual([[1], []]);
  });

  it('end what is guarded at the next one, and not for those before', () => {
    const { io, interrupts } = rig();
    interrupts.handle(() => 'before');
    io.interrupt();
    const goOn = interrupts.guard('leaving');
    goOn();
    io.interrupt();
    expect(goOn).toThrow(Interrupted);
    expect(io.stderr).toEqual(['Interrupted: before', 'Interrupted: leaving']);
  });

  it('are the process own again once closed', () => {
    const { io, interrupts } = rig();
    expect(io.handlers.size).toBe(1);
    interrupts.close();
    expect(io.handlers.size).toBe(0);
  });
});
