import { describe, expect, it } from 'vitest';
import { blockdevOptionsOf, GIVEN, unsigned } from '../../src/block/options.ts';
import { optional } from '../../src/wire/qapi/composites.ts';
import { str } from '../../src/wire/qapi/scalars.ts';
import { wholeOf } from '../../src/wire/qapi/type.ts';
import type { JsonObject, JsonValue } from '../../src/wire/qmp/json-value.ts';
import { readAs, refusalOf } from '../support/qapi.ts';

const options = blockdevOptionsOf({
  disk: { options: () => ({ name: str, size: optional(unsigned) }) },
  over: { options: ({ node, nodeOrNull }) => ({ file: node, backing: optional(nodeOrNull) }) },
});

const read = (given: JsonObject) => options.read(given, wholeOf('json'));
const disk = { driver: 'disk', name: 'a' };

describe('options of nodes', () => {
  it('are those of all nodes and those of the driver', () => {
    const given = {
      ...disk,
      size: 512,
      'node-name': 'n',
      discard: 'unmap',
      cache: { direct: true },
      'read-only': true,
      'auto-read-only': false,
      'force-share': true,
      'detect-zeroes': 'on',
    };
    const cache = { direct: true, 'no-flush': undefined };
    expect(read(given)).toEqual({ ...given, cache, [GIVEN]: given });
  });

  it('are left open where a parent may have a say', () => {
    expect(read(disk)).toEqual({
      ...disk,
      'node-name': undefined,
      discard: undefined,
      cache: { direct: undefined, 'no-flush': undefined },
      'read-only': undefined,
      'auto-read-only': undefined,
      'force-share': undefined,
      'detect-zeroes': 'off',
      [GIVEN]: disk,
    });
  });

  it('have the options of other nodes in them, or their names, or none where that may be', () => {
    const file = { driver: 'over', file: disk, backing: null };
    expect(read({ driver: 'over', file, backing: 'base' })).toMatchObject({
      file: { file: { name: 'a', 'detect-zeroes': 'off' }, backing: null },
      backing: 'base',
    });
  });

  it('are read from a command line as well', () => {
    const given = { driver: 'over', file: { ...disk, size: '1024', 'read-only': 'on' } };
    expect(options.read(given, wholeOf('keyval'))).toMatchObject({
      file: { size: 1024, 'read-only': true },
    });
  });

  it.each<[JsonObject, string]>([
    [{}, "Parameter 'driver' is missing"],
    [{ driver: 'dsk' }, "Parameter 'driver' does not accept value 'dsk'"],
    [{ driver: 'constructor' }, "Parameter 'driver' does not accept value 'constructor'"],
    [{ ...disk, file: 'x' }, "Parameter 'file' is unexpected"],
    [{ ...disk, discard: 'on' }, "Parameter 'discard' does not accept value 'on'"],
    [{ driver: 'over' }, "Parameter 'file' is missing"],
    [{ driver: 'over', file: 5 }, "Invalid parameter type for 'file', expected: BlockdevRef"],
    [{ driver: 'over', file: null }, "Invalid parameter type for 'file', expected: BlockdevRef"],
    [
      { driver: 'over', file: 'x', backing: 1 },
      "Invalid parameter type for 'backing', expected: BlockdevRefOrNull",
    ],
    [{ driver: 'over', file: {} }, "Parameter 'file.driver' is missing"],
    [{ driver: 'over', file: { driver: 'disk' } }, "Parameter 'file.name' is missing"],
    [{ driver: 'over', file: { ...disk, x: 1 } }, "Parameter 'file.x' is unexpected"],
  ])('are refused as a whole: %j', (given, reason) => {
    expect(refusalOf(options, given)).toBe(reason);
  });
});

describe('a number that has no sign', () => {
  it('is a whole one that is counted with exactly', () => {
    expect(readAs(unsigned, 2 ** 53 - 1)).toBe(2 ** 53 - 1);
  });

  it.each<[JsonValue, string]>([
    [-1, "Parameter 'x' expects a non-negative number below 2^64"],
    [2 ** 53, "Parameter 'x' expects a number below 2^53"],
    [0.5, "Invalid parameter type for 'x', expected: integer"],
    ['5', "Invalid parameter type for 'x', expected: integer"],
  ])('is none of: %j', (given, reason) => {
    expect(() => readAs(unsigned, given)).toThrow(reason);
  });
});
