import { describe, expect, it } from 'vitest';
import { asksForHelp, numberOf, parseArguments, sizeOf, wordOf } from '../../src/cli/arguments.ts';
import { UsageError } from '../../src/cli/command.ts';

const OPTIONS = { speed: { type: 'string' }, force: { type: 'boolean', default: false } } as const;

function parse(...args: string[]) {
  return parseArguments(args, { options: OPTIONS, expected: 'one path', count: 1 });
}

/** The message of the usage error that a call ends in. */
function refusal(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  throw new Error('Cannot find the refusal: there was none');
}

describe('parseArguments()', () => {
  it('tells options from positional arguments, in any order', () => {
    const { values, positionals } = parse('--force', 'disk.img', '--speed', '5M');
    expect({ ...values, positionals }).toEqual({
      force: true,
      speed: '5M',
      positionals: ['disk.img'],
    });
  });

  it('takes what follows -- for no option', () => {
    expect(parse('--', '--force').positionals).toEqual(['--force']);
    expect(parse('--', '-1').positionals).toEqual(['-1']);
  });

  it('takes a number below zero for the value it is', () => {
    expect(parse('a', '--speed', '-1').values.speed).toBe('-1');
    expect(parse('a', '--speed', '-.5').values.speed).toBe('-.5');
  });

  it.each([
    [['a', '--quick'], "Unknown option '--quick'"],
    [['a', '-q'], "Unknown option '-q'"],
    [['a', '-5'], "Unknown option '-5'"],
    [['a', '--speed'], '--speed needs a value'],
    [['a', '--speed', '--force'], '--speed needs a value'],
    [['a', '--force=yes'], "Option '--force' does not take an argument"],
    [['a', '--force', '-5'], "Unknown option '-5'"],
    [[], 'It takes one path, and was given nothing'],
    [[''], 'It takes one path, and was given ""'],
    [['a', 'b'], 'It takes one path, and was given "a" "b"'],
  ])('refuses %j', (args, message) => {
    expect(refusal(() => parse(...args))).toBe(message);
  });
});

describe('asksForHelp()', () => {
  it.each([
    [['a', '--help'], true],
    [['-h'], true],
    [['a', 'b'], false],
    [['--', '--help'], false],
  ])('of %j is %j', (args, answer) => {
    expect(asksForHelp(args)).toBe(answer);
  });
});

describe('wordOf()', () => {
  it('lets only the words pass', () => {
    expect(wordOf('then', 'cancel', ['complete', 'cancel'])).toBe('cancel');
    expect(refusal(() => wordOf('then', 'stop', ['complete', 'cancel', 'wait']))).toBe(
      '--then must be complete, cancel or wait: "stop"',
    );
    expect(refusal(() => wordOf('then', 'Cancel', ['complete', 'cancel']))).toContain('"Cancel"');
  });
});

describe('numberOf()', () => {
  it.each([
    ['0', 0],
    ['12', 12],
    ['0.5', 0.5],
    ['9007199254740991', 2 ** 53 - 1],
  ])('reads %j', (text, number) => {
    expect(numberOf('rate', text)).toBe(number);
  });

  it.each(['', ' ', '-1', '+1', 'x', '1x', '0x10', '1e3', '.5', '5.', 'Infinity', 'NaN', '1 2'])(
    'refuses %j',
    (text) => {
      const message = `--rate must be a number from 0 on: ${JSON.stringify(text)}`;
      expect(refusal(() => numberOf('rate', text))).toBe(message);
    },
  );

  it('knows a limit, and whole numbers', () => {
    expect(numberOf('reads', '100', { max: 100 })).toBe(100);
    expect(refusal(() => numberOf('reads', '101', { max: 100 }))).toContain('from 0 to 100');
    expect(refusal(() => numberOf('seed', '1.5', { whole: true }))).toContain('a whole number');
    expect(refusal(() => numberOf('seed', '9007199254740993', { whole: true }))).toContain('seed');
  });
});

describe('sizeOf()', () => {
  it('reads 64K, and names the option of what is no size', () => {
    expect(sizeOf('speed', '64K')).toBe(65_536);
    expect(refusal(() => sizeOf('speed', '-1'))).toMatch(/^--speed: .*"-1"$/);
  });
});
