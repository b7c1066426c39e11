import { describe, expect, it } from 'vitest';
import { Promptness } from '../../src/env/promptness.ts';

const PROMPT = 0.003;
const SLOW = 2;

/** Makes calls that take `ms` each. @returns For each, whether it was waited for. */
function make(promptness: Promptness, calls: number, ms: (call: number) => number): boolean[] {
  return Array.from({ length: calls }, (_, call) => {
    const isWaitedFor = promptness.expect();
    if (isWaitedFor) promptness.took(ms(call));
    return isWaitedFor;
  });
}

const count = (waits: readonly boolean[]) => waits.filter(Boolean).length;

describe('whether to wait for a file', () => {
  it('waits for every call of one that is prompt', () => {
    expect(count(make(new Promptness(0.05), 1000, () => PROMPT))).toBe(1000);
  });

  it('waits for hardly any call of one that is slow', () => {
    const waits = make(new Promptness(0.05), 100_000, () => SLOW);
    expect(count(waits)).toBeLessThan(40);
    expect(count(waits.slice(50_000))).toBeLessThan(14);
  });

  it('goes on waiting for one that is slow once in a while', () => {
    const waits = make(new Promptness(0.05), 100_000, (call) =>
      call % 1000 === 0 ? SLOW : PROMPT,
    );
    expect(count(waits)).toBeGreaterThan(98_000);
  });

  it('comes back to one that has become prompt', () => {
    const promptness = new Promptness(0.05);
    make(promptness, 10_000, () => SLOW);
    make(promptness, 10_000, () => PROMPT);
    expect(count(make(promptness, 1000, () => PROMPT))).toBe(1000);
  });

  it('seldom waits in vain for one that is prompt half of the time', () => {
    let slow = 0;
    make(new Promptness(0.05), 100_000, (call) => {
      if (call % 2 === 0) return PROMPT;
      slow += 1;
      return SLOW;
    });
    expect(slow).toBeLessThan(100);
  });

  it('goes on waiting for one that takes long while no disk is read: the machine is busy', () => {
    const promptness = new Promptness(0.05, () => 7);
    expect(count(make(promptness, 1000, (call) => (call % 3 === 0 ? SLOW : PROMPT)))).toBe(1000);
  });

  it('waits for hardly any call of one that reads a disk each time', () => {
    let reads = 0;
    const promptness = new Promptness(0.05, () => reads);
    const waits = make(promptness, 100_000, () => {
      reads += 1;
      return SLOW;
    });
    expect(count(waits)).toBeLessThan(40);
  });

  it('does not blame a call for what was read before it, not waited for', () => {
    let reads = 0;
    const promptness = new Promptness(0.05, () => reads);
    reads += 1;
    expect(count(make(promptness, 1, () => SLOW))).toBe(1);
    while (!promptness.expect()) reads += 1;
    promptness.took(SLOW);
    expect(promptness.expect()).toBe(true);
  });
});
