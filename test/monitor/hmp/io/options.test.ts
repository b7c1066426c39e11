import { describe, expect, it } from 'vitest';
import type { IoCommand } from '../../../../src/monitor/hmp/io/command.ts';
import { demandOperands, parseOptions } from '../../../../src/monitor/hmp/io/options.ts';

const command: IoCommand = { name: 'verb', usage: 'off', summary: 'for the test', run() {} };
const usage = 'verb off -- for the test';

/** @returns What was given, or what was told. */
function parse(...words: readonly string[]) {
  let told = '';
  const complain = (text: string) => {
    told += text;
  };
  try {
    const readers = { P: Number };
    const { flags, ...rest } = parseOptions(command, words, { flags: 'qv', readers }, { complain });
    return { flags: [...flags].join(''), ...rest };
  } catch (error) {
    return `${told}${(error as Error).message}`;
  }
}

describe('parseOptions()', () => {
  it.each([
    [[], { flags: '', values: {}, operands: [] }],
    [['0', '1'], { flags: '', values: {}, operands: ['0', '1'] }],
    [['-q', '0'], { flags: 'q', values: {}, operands: ['0'] }],
    [['-qv', '0'], { flags: 'qv', values: {}, operands: ['0'] }],
    [['0', '-q'], { flags: 'q', values: {}, operands: ['0'] }],
    [['-P', '1', '0'], { flags: '', values: { P: 1 }, operands: ['0'] }],
    [['-P1', '0'], { flags: '', values: { P: 1 }, operands: ['0'] }],
    [['-qP1', '0'], { flags: 'q', values: { P: 1 }, operands: ['0'] }],
    [['-P', '-1'], { flags: '', values: { P: -1 }, operands: [] }],
    [['-P1', '-P2'], { flags: '', values: { P: 2 }, operands: [] }],
    [['0', '--', '-q'], { flags: '', values: {}, operands: ['0', '-q'] }],
    [['-'], { flags: '', values: {}, operands: ['-'] }],
  ])('reads %j', (words, given) => {
    expect(parse(...words)).toEqual(given);
  });

  it.each([
    [['-x'], `verb: invalid option -- 'x'\n${usage}`],
    [['-qx'], `verb: invalid option -- 'x'\n${usage}`],
    [['--q'], `verb: invalid option -- '-'\n${usage}`],
    [['-1'], `verb: invalid option -- '1'\n${usage}`],
    [['0', '-P'], `verb: option requires an argument -- 'P'\n${usage}`],
  ])('tells what is wrong with %j', (words, told) => {
    expect(parse(...words)).toBe(told);
  });
});

describe('demandOperands()', () => {
  it('takes two operands, or as many as are asked for', () => {
    expect(demandOperands(command, ['0', '1'])).toEqual(['0', '1']);
    expect(demandOperands(command, ['0', '1', '2'], { max: 3 })).toEqual(['0', '1', '2']);
    expect(() => demandOperands(command, ['0'])).toThrow(usage);
    expect(() => demandOperands(command, ['0', '1', '2'])).toThrow(usage);
  });
});
