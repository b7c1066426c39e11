import { describe, expect, it } from 'vitest';
import { limitsOf } from '../../src/filters/blkdebug-limits.ts';

const NONE = {
  align: 0,
  'max-transfer': 0,
  'opt-write-zero': 0,
  'max-write-zero': 0,
  'opt-discard': 0,
  'max-discard': 0,
};
const BELOW = { alignment: 512, transferMax: 65_536, discardAlignment: 1024, discardMax: 8192 };
const FREE = { alignment: 1, transferMax: 65_536, discardAlignment: 1 };

describe('limits of blkdebug', () => {
  it('are those of the node below where none are given', () => {
    expect(limitsOf(NONE, BELOW, 'disk')).toEqual({
      ...BELOW,
      zeroesAlignment: 512,
      zeroesMax: Number.MAX_SAFE_INTEGER,
    });
  });

  it('are the ones given, which may be wider than those below', () => {
    const options = {
      align: 4096,
      'max-transfer': 131_072,
      'opt-write-zero': 8192,
      'max-write-zero': 16_384,
      'opt-discard': 4096,
      'max-discard': 12_288,
    };
    expect(limitsOf(options, BELOW, 'disk')).toEqual({
      alignment: 4096,
      transferMax: 131_072,
      zeroesAlignment: 8192,
      zeroesMax: 16_384,
      discardAlignment: 4096,
      discardMax: 12_288,
    });
  });

  it('never undo the alignment of the node below', () => {
    expect(limitsOf({ ...NONE, align: 1 }, BELOW, 'disk').alignment).toBe(512);
  });

  it('let at least one unit through, however small the limits below', () => {
    const small = { ...BELOW, transferMax: 512, zeroesMax: 512, discardMax: 1024 };
    expect(limitsOf({ ...NONE, align: 4096 }, small, 'disk')).toEqual({
      alignment: 4096,
      transferMax: 4096,
      zeroesAlignment: 4096,
      zeroesMax: 4096,
      discardAlignment: 4096,
      discardMax: 4096,
    });
  });

  it.each([
    ['align', 3],
    ['align', 2 ** 31],
    ['max-transfer', 1000],
    ['max-transfer', 2 ** 31],
    ['opt-write-zero', 256],
    ['opt-write-zero', 1536],
    ['max-write-zero', 100],
    ['opt-discard', 3],
    ['max-discard', 5],
  ])('%s of %i is refused, in the words of QEMU', (name, value) => {
    const limits = () => limitsOf({ ...NONE, align: 512, [name]: value }, FREE, 'disk');
    expect(limits).toThrow(`Cannot open "disk": Cannot meet constraints with ${name} ${value}`);
    expect(limits).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  });

  it('of zeroes and discards hold whole units', () => {
    const zeroes = { ...NONE, 'opt-write-zero': 4096, 'max-write-zero': 6144 };
    expect(() => limitsOf(zeroes, FREE, 'disk')).toThrow(/max-write-zero 6144/);
    const discards = { ...NONE, 'opt-discard': 4096, 'max-discard': 2048 };
    expect(() => limitsOf(discards, FREE, 'disk')).toThrow(/max-discard 2048/);
  });
});
