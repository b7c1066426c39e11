import { describe, expect, it } from 'vitest';
import { convertOption, parseOptionList } from '../../../src/wire/options/option-list.ts';

/** The options of a text as pairs of name and value. */
function pairs(text: string, impliedName?: string): readonly (readonly string[])[] {
  const { options } = parseOptionList(text, impliedName === undefined ? {} : { impliedName });
  return options.map(({ name, value }) => [name, value]);
}

describe('options', () => {
  it.each([
    ['', []],
    [
      'a=1,b=2',
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ],
    ['a=1,', [['a', '1']]],
    [
      'a=,b=',
      [
        ['a', ''],
        ['b', ''],
      ],
    ],
    [
      'a=1,,2,b=x=y',
      [
        ['a', '1,2'],
        ['b', 'x=y'],
      ],
    ],
    [
      'a=1,a=2',
      [
        ['a', '1'],
        ['a', '2'],
      ],
    ],
    ['file.driver=x', [['file.driver', 'x']]],
    ['=1', [['', '1']]],
  ])('are names and values: %j', (text, expected) => {
    expect(pairs(text)).toEqual(expected);
  });

  it.each([
    ['a', [['a', 'on']]],
    [
      'server,nowait',
      [
        ['server', 'on'],
        ['wait', 'off'],
      ],
    ],
    [
      'a=1,no',
      [
        ['a', '1'],
        ['', 'off'],
      ],
    ],
    [
      'a,,b',
      [
        ['a', 'on'],
        ['', 'on'],
        ['b', 'on'],
      ],
    ],
  ])('may be a name alone: %j', (text, expected) => {
    expect(pairs(text)).toEqual(expected);
  });

  it.each([
    ['null', [['backend', 'null']]],
    [
      'null,mux=on',
      [
        ['backend', 'null'],
        ['mux', 'on'],
      ],
    ],
    [
      'nofoo,nobar',
      [
        ['backend', 'nofoo'],
        ['bar', 'off'],
      ],
    ],
    [
      'a,,b,c=d',
      [
        ['backend', 'a,b'],
        ['c', 'd'],
      ],
    ],
    ['mux=on', [['mux', 'on']]],
    ['help', [['backend', 'help']]],
  ])('begin with a value alone where a name is implied: %j', (text, expected) => {
    expect(pairs(text, 'backend')).toEqual(expected);
  });

  it.each([
    ['a=1', undefined],
    ['id=x,a=1', 'x'],
    ['a=1,id=x-1.y_2,id=z', 'x-1.y_2'],
    ['id', 'on'],
  ])('may have an id, which is none of them: %j', (text, id) => {
    const list = parseOptionList(text);
    expect(list.id).toBe(id);
    expect(list.options.map(({ name }) => name)).not.toContain('id');
  });

  it.each(['id=', 'id=9a', 'id=a b', 'id=-'])('have no id that is none: %j', (text) => {
    expect(() => parseOptionList(text)).toThrow(
      expect.objectContaining({ code: 'EINVAL', reason: "Parameter 'id' expects an identifier" }),
    );
  });

  it.each([
    ['help', true],
    ['a=1,?', true],
    ['help=1', false],
    ['nohelp', false],
    ['a', false],
  ])('ask for help: %j', (text, helpWanted) => {
    expect(parseOptionList(text).helpWanted).toBe(helpWanted);
  });

  it('are warned of where they are a name alone', () => {
    expect(
      parseOptionList('x,server,nowait,nodelay,delay,help', { impliedName: 'a' }).warnings,
    ).toEqual([
      "short-form boolean option 'server' deprecated\nPlease use server=on instead",
      "short-form boolean option 'nowait' deprecated\nPlease use wait=off instead",
      "short-form boolean option 'nodelay' deprecated\nPlease use nodelay=on instead",
      "short-form boolean option 'delay' deprecated\nPlease use nodelay=off instead",
    ]);
  });
});

describe('convertOption()', () => {
  it.each([
    ['string', '1', '1'],
    ['bool', 'yes', true],
    ['bool', 'off', false],
    ['number', '0x10', 16],
    ['size', '1.5K', 1536],
  ] as const)('reads a %s', (type, value, expected) => {
    expect(convertOption({ name: 'a', value }, type)).toBe(expected);
  });

  it.each([
    ['bool', 'maybe', "Parameter 'a' expects 'on' or 'off'"],
    ['number', 'x', "Parameter 'a' expects a number"],
    [
      'number',
      '99999999999999999999',
      "Value '99999999999999999999' is too large for parameter 'a'",
    ],
    ['size', '1q', "Parameter 'a' expects a non-negative number below 2^64"],
    ['size', '16E', "Value '16E' is out of range for parameter 'a'"],
  ] as const)('refuses as QEMU does what is no %s: %s', (type, value, reason) => {
    expect(() => convertOption({ name: 'a', value }, type)).toThrow(
      expect.objectContaining({ code: 'EINVAL', reason }),
    );
  });
});
