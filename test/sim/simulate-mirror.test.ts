import { describe, expect, it } from 'vitest';
import { SimClock } from '../../src/sim/clock.ts';
import { simulate } from '../../src/sim/index.ts';
import { FileStore } from '../../src/sim/simulate-files.ts';
import { Life } from '../../src/sim/simulate-life.ts';
import { Medium } from '../../src/sim/simulate-medium.ts';
import { SimulatedMirror } from '../../src/sim/simulate-mirror.ts';
import { settle } from '../support/settle.ts';

/** A mirror of four sectors, and who lets its requests go on. */
async function mirrorOf() {
  const time = new SimClock();
  const life = new Life(new FileStore(), time, { asked() {}, answered() {} });
  const source = new Medium('disk', new Uint8Array(2048).fill(1));
  const notes: string[] = [];
  const mirror = new SimulatedMirror({
    life,
    source,
    setup: { bufSize: 2048 },
    note: (text) => notes.push(text),
    trustsFlushes: true,
  });
  await mirror.open();
  const runUntil = async (text: string) => {
    for (let steps = 0; steps < 100 && !notes.includes(text); steps += 1) {
      if (mirror.next === 'start the mirror') mirror.goOn();
      await settle();
      const [request] = life.line.held;
      if (request) life.line.answer(request);
      else if (!time.grantTurns()) time.fireNext();
      await settle();
    }
  };
  return { life, mirror, source, notes, runUntil };
}

describe('SimulatedMirror', { timeout: 30_000 }, () => {
  it('finds nothing wrong with the mirror as it ships', async () => {
    const { mirror, source, notes, runUntil } = await mirrorOf();
    await runUntil('mirror: ready');
    expect(mirror.check()).toBeUndefined();
    expect(mirror.next).toBe('complete');
    mirror.goOn();
    await runUntil('mirror: null');
    expect(notes).toContain('mirror: pending');
    expect(mirror.check()).toBeUndefined();
    expect(mirror.medium).toBe(mirror.target);
    expect(mirror.target.bytes).toEqual(source.bytes);
  });

  it('finds a clean granule that differs', async () => {
    const { life, mirror, runUntil } = await mirrorOf();
    await runUntil('mirror: ready');
    mirror.target.bytes[600] = 9;
    expect(mirror.check()).toBe('source and target differ in 512 bytes at 512, which are clean');
    life.close();
  });

  it('finds a target that was not flushed, or is not equal at the end', async () => {
    const { mirror, runUntil } = await mirrorOf();
    await runUntil('mirror: ready');
    mirror.target.apply({ label: 'a write', offset: 0, bytes: new Uint8Array(512).fill(1) });
    mirror.goOn();
    // A flush reaches what was answered, which this was not.
    await runUntil('mirror: null');
    expect(mirror.check()).toBe('the mirror ends with an unflushed target');
  });

  it('has the check look at the target after the switch, also after a power cut', async () => {
    const disks = new Set<string>();
    const report = await simulate({
      disk: { size: 1024 },
      async guest({ disk }) {
        await disk.write(0, new Uint8Array(512).fill(1));
        await disk.flush();
      },
      async check({ disk, after }) {
        disks.add(`${disk.name} ${after}`);
        await disk.read(0, 512);
      },
      mirror: { bufSize: 1024 },
      seeds: 100,
    });
    expect(report.verdict).toBe('passed');
    expect([...disks].sort()).toEqual(['disk end', 'disk power cut', 'disk-mirror power cut']);
  });

  it('takes it for an end when the guest gives up for an error that was injected', async () => {
    const report = await simulate({
      disk: { size: 1024 },
      guest: ({ disk }) => disk.write(0, new Uint8Array(512).fill(1)),
      check() {},
      mirror: { bufSize: 1024 },
      faults: { powerCuts: 0, errors: [{ disk: 'disk', operations: ['write'] }] },
      seeds: 60,
    });
    expect(report.verdict).toBe('passed');
  });

  it('survives errors and stalls of its target, with whatever policy', async () => {
    for (const onTargetError of ['report', 'stop', 'ignore'] as const) {
      const report = await simulate({
        disk: { size: 1024 },
        async guest({ disk }) {
          await disk.write(0, new Uint8Array(512).fill(1));
          await disk.write(512, new Uint8Array(512).fill(2));
        },
        async check({ disk, after }) {
          const [first] = await disk.read(0, 512);
          if (after === 'end' && first !== 1) throw new Error('a write is lost');
        },
        mirror: { bufSize: 1024, onTargetError },
        faults: { errors: [{ disk: 'disk-mirror', times: 2 }], stalls: 1 },
        seeds: 60,
      });
      expect(report.verdict).toBe('passed');
    }
  });
});
