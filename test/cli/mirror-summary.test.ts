import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { type Summary, summaryFacts, summarySentences } from '../../src/cli/mirror-summary.ts';
import type { Proof } from '../../src/cli/proof.ts';
import { MismatchTally } from '../../src/workload/mismatch.ts';

const proof: Proof = {
  holds: true,
  bytes: 4096,
  written: 0,
  wrong: 0,
  firstWrong: undefined,
  guest: undefined,
};

function summary(changes: Partial<Summary> = {}): Summary {
  return {
    source: 'disk.img',
    target: 'copy.img',
    outcome: { status: 'completed', switched: false },
    offset: 8192,
    tookMs: 1500,
    readyMs: 250,
    guest: undefined,
    resumedBytes: undefined,
    isKept: false,
    verdict: proof,
    ...changes,
  };
}

function sentences(changes: Partial<Summary> = {}): readonly string[] {
  return [...summarySentences(summary(changes))];
}

describe('summarySentences()', () => {
  it('say how it ended, how long it took and what is proved', () => {
    expect(sentences()).toEqual([
      'COMPLETED after 1.5 s: 8 KiB copied, the disk is on the source, disk.img',
      'proved: source and target are identical in all 4096 bytes',
    ]);
    const switched = { status: 'completed', switched: true } as const;
    expect(sentences({ outcome: switched })[0]).toContain('the disk is on the target, copy.img');
  });

  it('tell a copy that went on from an earlier run, and one that can be gone on with', () => {
    expect(sentences({ resumedBytes: 4096 })[0]).toBe(
      'COMPLETED after 1.5 s: 8 KiB copied on top of an earlier run, the disk is on the source, ' +
        'disk.img',
    );
    const kept = { outcome: { status: 'cancelled' }, isKept: true, verdict: 'unasked' } as const;
    expect(sentences(kept)).toEqual([
      'CANCELLED after 1.5 s: 8 KiB copied, copy.img is no copy of disk.img',
      'kept: the same command goes on from here, if nobody writes to either',
    ]);
  });

  it('never prove what was cancelled or failed', () => {
    expect(sentences({ outcome: { status: 'cancelled' }, verdict: 'unasked' })).toEqual([
      'CANCELLED after 1.5 s: 8 KiB copied, copy.img is no copy of disk.img',
    ]);
    const error = new BlockError('EIO', 'read', 'broken');
    expect(sentences({ outcome: { status: 'failed', error }, verdict: undefined })).toEqual([]);
  });

  it('say WRONG, and where, and nothing is proved', () => {
    const firstWrong = { offset: 512, length: 512 };
    const wrong = { ...proof, holds: false, wrong: 1024, firstWrong };
    expect(sentences({ verdict: wrong }).slice(1)).toEqual([
      'WRONG: source and target differ in 1024 bytes, first at 512',
    ]);
  });

  it('tell where a guest who was switched may have made a difference', () => {
    const tally = new MismatchTally();
    const guest = { blocks: 1, undefinedBlocks: 0, mismatches: tally.statistics() };
    expect(sentences({ verdict: { ...proof, written: 512, guest } }).slice(1)).toEqual([
      'proved: source and target (4096 bytes) differ in 512 bytes that the guest wrote after the ' +
        'switch, and nowhere else',
      'proved: each of 1 block that the guest wrote is on the target as last acknowledged',
    ]);
  });

  it('list blocks of the guest that are not on the target', () => {
    const tally = new MismatchTally();
    tally.add({ kind: 'lost', offset: 512, message: 'lost: the block at 512' });
    const guest = { blocks: 9, undefinedBlocks: 0, mismatches: tally.statistics() };
    expect(sentences({ verdict: { ...proof, holds: false, guest } }).slice(2)).toEqual([
      'WRONG: of 9 blocks that the guest wrote, 1 are not on the target',
      '  lost: the block at 512',
    ]);
  });

  it.each([
    ['partial', 'not compared: only what was written since the start was copied'],
    ['interrupted', 'not compared: interrupted before all of it was'],
  ] as const)('say why there is no proof: %s', (verdict, text) => {
    expect(sentences({ verdict }).slice(1)).toEqual([text]);
  });
});

describe('summaryFacts()', () => {
  it('are what programs need to know', () => {
    expect(summaryFacts(summary())).toEqual({
      status: 'completed',
      switched: false,
      offset: 8192,
      'seconds-to-ready': 0.25,
      proof: { holds: true, bytes: 4096, 'bytes-written-after-switch': 0, 'bytes-wrong': 0 },
    });
    expect(summaryFacts(summary({ resumedBytes: 4096, isKept: true }))).toMatchObject({
      kept: true,
      'resumed-bytes': 4096,
    });
    const cancelled = { outcome: { status: 'cancelled' }, readyMs: undefined } as const;
    expect(summaryFacts(summary({ ...cancelled, verdict: 'unasked' }))).toEqual({
      status: 'cancelled',
      offset: 8192,
      'seconds-to-ready': null,
      'not-compared': 'unasked',
    });
  });
});
