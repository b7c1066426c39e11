import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/cli/command.ts';
import { describeProgram, parseProgram, roundOfWrites } from '../../src/cli/sim-program.ts';

describe('a program of a guest', () => {
  it.each([
    ['write 0', [{ type: 'write', sector: 0, sectors: 1 }]],
    ['read 1+3', [{ type: 'read', sector: 1, sectors: 3 }]],
    ['discard 3 @ready', [{ type: 'discard', sector: 3, sectors: 1, from: 'ready' }]],
    [
      ' zeroes  0+4 ,flush @end',
      [
        { type: 'zeroes', sector: 0, sectors: 4 },
        { type: 'flush', sector: 0, sectors: 0, from: 'end' },
      ],
    ],
    ['', []],
  ])('is read from %j', (text, steps) => {
    expect(parseProgram(text, 4)).toEqual(steps);
  });

  it.each([
    ['wipe 0', /is write, read, zeroes, discard or flush/],
    ['write', /a write needs a sector/],
    ['flush 0', /of the whole disk/],
    ['write 0+0', /sectors 0 to 3/],
    ['write 3+2', /sectors 0 to 3/],
    ['write 0 @never', /@ready or @end/],
    ['write 0,', /: ""$/],
    ['write 0,'.repeat(64), /may have 64 requests: 65/],
  ])('is refused when it is %j', (text, rule) => {
    expect(() => parseProgram(text, 4)).toThrow(UsageError);
    expect(() => parseProgram(text, 4)).toThrow(rule);
  });

  it.each(['write 0, read 1+3, flush', 'discard 3 @ready', ''])(
    'is written as it is read: %j',
    (text) => {
      expect(describeProgram(parseProgram(text, 4))).toBe(text);
    },
  );
});

describe('a round of writes', () => {
  it('goes over whole granules and begins again', () => {
    const writes = roundOfWrites(3, { granules: 2, sectorsEach: 4 });
    expect(writes.map(({ sector, sectors }) => [sector, sectors])).toEqual([
      [0, 4],
      [4, 4],
      [0, 4],
    ]);
  });
});
