import { describe, expect, it } from 'vitest';
import { splitArguments } from '../../src/cli/daemon-arguments.ts';

const OPTIONS = [
  { names: ['--blockdev'], hasValue: true },
  { names: ['--daemonize'], hasValue: false },
  { names: ['-T', '--trace'], hasValue: true },
  { names: ['--traces'], hasValue: true },
];

/** @returns Each option by its last name, and its value. */
function split(...args: readonly string[]) {
  return splitArguments(args, OPTIONS).map(({ option, value }) => [option?.names.at(-1), value]);
}

describe('the arguments of a daemon', () => {
  it('are options with values, in whatever way these are written', () => {
    expect(split('--blockdev', 'a', '--blockdev=b=c', '--blockdev=', '-Tx', '-T', 'y')).toEqual([
      ['--blockdev', 'a'],
      ['--blockdev', 'b=c'],
      ['--blockdev', ''],
      ['--trace', 'x'],
      ['--trace', 'y'],
    ]);
  });

  it('take the next argument for a value, whatever it looks like', () => {
    expect(split('--blockdev', '--daemonize')).toEqual([['--blockdev', '--daemonize']]);
  });

  it('may be cut short where only one is meant', () => {
    expect(split('--b', 'a', '--dae', '--trace', 'x')).toEqual([
      ['--blockdev', 'a'],
      ['--daemonize', ''],
      ['--trace', 'x'],
    ]);
  });

  it('may be no options at all, and end at "--"', () => {
    expect(split('a', '-', '--', '--nonsense')).toEqual([
      [undefined, 'a'],
      [undefined, '-'],
    ]);
  });

  it('are kept as they were written, for messages', () => {
    const texts = splitArguments(['--blockdev', 'a b', '--blockdev=c'], OPTIONS);
    expect(texts.map(({ text }) => text)).toEqual(['--blockdev a b', '--blockdev=c']);
  });

  it.each([
    [['--bogus=1'], "unrecognized option '--bogus'"],
    [['-x'], "invalid option -- 'x'"],
    [['--blockdev'], "option '--blockdev' requires an argument"],
    [['-T'], "option requires an argument -- 'T'"],
    [['--daemonize=1'], "option '--daemonize' doesn't allow an argument"],
    [['--tra=1'], "option '--tra' is ambiguous; possibilities: '--trace' '--traces'"],
  ])('are refused in the words of getopt_long: %j', (args, message) => {
    expect(() => split(...args)).toThrow(message);
  });
});
