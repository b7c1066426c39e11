import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import {
  boolean,
  group,
  node,
  nullable,
  oneOf,
  optional,
  readOptions,
  required,
  string,
  unsigned,
  withDefault,
} from '../../src/block/options.ts';

const READERS = {
  filename: required(string),
  size: optional(unsigned),
  aio: withDefault(oneOf('threads', 'native'), 'threads'),
  locking: withDefault(boolean, true),
  cache: group({ direct: withDefault(boolean, false), 'no-flush': optional(boolean) }),
  file: optional(node),
};

/** What is said of options that are refused. */
function refusal(given: Record<string, unknown>): string {
  try {
    readOptions(READERS, { filename: 'disk.img', ...given });
  } catch (error) {
    if (!(error instanceof BlockError)) throw error;
    expect(error.code).toBe('EINVAL');
    return error.message.replace('Cannot open the node: ', '');
  }
  throw new Error('the options were taken');
}

describe('readOptions()', () => {
  it('takes what is given, and defaults for the rest', () => {
    expect(readOptions(READERS, { filename: 'disk.img' })).toEqual({
      filename: 'disk.img',
      size: undefined,
      aio: 'threads',
      locking: true,
      cache: { direct: false, 'no-flush': undefined },
      file: undefined,
    });
    const all = {
      filename: '',
      size: 0,
      aio: 'native',
      locking: false,
      cache: { direct: true, 'no-flush': false },
      file: { driver: 'raw', offset: 5 },
    };
    expect(readOptions(READERS, all)).toEqual(all);
  });

  it('tells null from nothing where it means something', () => {
    const readers = { backing: optional(nullable(node)) };
    expect(readOptions(readers, { backing: null })).toEqual({ backing: null });
    expect(readOptions(readers, {})).toEqual({ backing: undefined });
    expect(readOptions(readers, { backing: 'base' })).toEqual({ backing: 'base' });
    expect(() => readOptions(readers, { backing: 0 })).toThrow(/'backing', expected: BlockdevRef/);
    expect(() => readOptions({ file: required(node) }, { file: null })).toThrow(/BlockdevRef/);
  });

  it('takes the name of a node for a node', () => {
    expect(readOptions(READERS, { filename: 'a', file: 'below' }).file).toBe('below');
  });

  it.each([
    [{ extra: 1 }, "Parameter 'extra' is unexpected"],
    [{ toString: 1 }, "Parameter 'toString' is unexpected"],
    [JSON.parse('{ "__proto__": 1 }'), "Parameter '__proto__' is unexpected"],
    [{ filename: undefined }, "Parameter 'filename' is missing"],
    [{ filename: 5 }, "Invalid parameter type for 'filename', expected: string"],
    [{ filename: null }, "Invalid parameter type for 'filename', expected: string"],
    [{ locking: 'on' }, "Invalid parameter type for 'locking', expected: boolean"],
    [{ size: '5' }, "Invalid parameter type for 'size', expected: integer"],
    [{ size: 0.5 }, "Invalid parameter type for 'size', expected: integer"],
    [{ size: Number.NaN }, "Invalid parameter type for 'size', expected: integer"],
    [{ size: 2 ** 53 }, "Invalid parameter type for 'size', expected: integer"],
    [{ size: -1 }, "Parameter 'size' expects a non-negative value"],
    [{ aio: 'io_uring' }, "Parameter 'aio' does not accept value 'io_uring'"],
    [{ aio: 5 }, "Invalid parameter type for 'aio', expected: string"],
    [{ aio: {} }, "Invalid parameter type for 'aio', expected: string"],
    [{ cache: true }, "Invalid parameter type for 'cache', expected: object"],
    [{ cache: [] }, "Invalid parameter type for 'cache', expected: object"],
    [{ cache: { extra: 1 } }, "Parameter 'cache.extra' is unexpected"],
    [{ cache: { direct: 1 } }, "Invalid parameter type for 'cache.direct', expected: boolean"],
    [{ file: 5 }, "Invalid parameter type for 'file', expected: BlockdevRef"],
    [{ file: null }, "Invalid parameter type for 'file', expected: BlockdevRef"],
    [{ file: {} }, "Parameter 'file.driver' is missing"],
    [{ file: { driver: 5 } }, "Invalid parameter type for 'file.driver', expected: string"],
  ])('refuses %j in the words of QEMU', (given, words) => {
    expect(refusal(given)).toBe(words);
  });

  it('puts the place of the options in front of their names', () => {
    const read = (given: object) => () => readOptions(READERS, { ...given }, 'file.');
    expect(read({})).toThrow("Parameter 'file.filename' is missing");
    expect(read({ extra: 1 })).toThrow("Parameter 'file.extra' is unexpected");
    const nested = { filename: 'a', cache: { direct: 1 } };
    expect(read(nested)).toThrow("type for 'file.cache.direct', expected: boolean");
  });

  it('takes nothing that the given options inherit', () => {
    const given = Object.create({ filename: 'disk.img' });
    expect(() => readOptions(READERS, given)).toThrow("Parameter 'filename' is missing");
  });
});
