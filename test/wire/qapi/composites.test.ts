import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  alternate,
  converted,
  enumeration,
  later,
  list,
  optional,
  struct,
  union,
  withDefault,
  withFeatures,
} from '../../../src/wire/qapi/composites.ts';
import { bool, int, nothing, str } from '../../../src/wire/qapi/scalars.ts';
import { type Notation, type Type, type ValueOf, wholeOf } from '../../../src/wire/qapi/type.ts';
import type { JsonValue } from '../../../src/wire/qmp/json-value.ts';
import { refusalOf } from '../../support/qapi.ts';

const box = struct('Box', {
  width: int,
  unit: withDefault(enumeration('Unit', ['mm', 'cm']), 'cm'),
  label: optional(str),
});

const shape = union('Shape', {
  members: { kind: enumeration('ShapeKind', ['box', 'dot']), name: optional(str) },
  tag: 'kind',
  branches: { box },
});

interface Tree {
  readonly name: string;
  readonly below?: Tree | undefined;
}
const tree: Type<Tree> = struct('Tree', { name: str, below: optional(later(() => tree)) });

const shapeOrName = alternate('ShapeOrName', [shape, str, nothing]);
const all = struct('All', { boxes: list(box), shape: optional(shapeOrName) });

function read<Value>(type: Type<Value>, given: JsonValue, notation: Notation = 'json'): Value {
  return type.read(given, wholeOf(notation));
}

describe('a struct', () => {
  it('has its members, and defaults for those that may be left out', () => {
    expect(read(box, { width: 5 })).toEqual({ width: 5, unit: 'cm', label: undefined });
    const whole = { width: 5, unit: 'mm', label: 'a' };
    expect(read(box, whole)).toEqual(whole);
    expectTypeOf<ValueOf<typeof box>>().toExtend<{
      readonly width: number;
      readonly unit: 'mm' | 'cm';
      readonly label?: string | undefined;
    }>();
  });

  it('is refused for the first of its members that is wrong, then for one too many', () => {
    expect(refusalOf(box, { unit: 'x', width: 'x' })).toBe(
      "Invalid parameter type for 'width', expected: integer",
    );
    expect(refusalOf(box, { unit: 'x', x: 1, width: 1 })).toBe(
      "Parameter 'unit' does not accept value 'x'",
    );
    expect(refusalOf(box, { x: 1, width: 1 })).toBe("Parameter 'x' is unexpected");
    expect(refusalOf(box, { toString: 1, width: 1 })).toBe("Parameter 'toString' is unexpected");
    expect(refusalOf(box, {})).toBe("Parameter 'width' is missing");
  });

  it('may be a part of itself', () => {
    const given = { name: 'a', below: { name: 'b', below: { name: 5 } } };
    expect(refusalOf(tree, given)).toBe(
      "Invalid parameter type for 'below.below.name', expected: string",
    );
    expect(read(tree, { name: 'a', below: { name: 'b' } }).below?.name).toBe('b');
  });
});

describe('an enum', () => {
  const unit = enumeration('Unit', ['mm', 'cm']);

  it('is one of its words, in either notation', () => {
    expect([read(unit, 'mm'), read(unit, 'cm', 'keyval')]).toEqual(['mm', 'cm']);
  });

  it('is refused by the last part of its name, if it is another word', () => {
    expect(refusalOf(all, { boxes: [{ width: 1, unit: 'km' }] })).toBe(
      "Parameter 'unit' does not accept value 'km'",
    );
    expect(refusalOf(list(unit), ['km'])).toBe("Parameter 'null' does not accept value 'km'");
    expect(refusalOf(all, { boxes: [{ width: 1, unit: 5 }] })).toBe(
      "Invalid parameter type for 'boxes[0].unit', expected: string",
    );
    const given = { boxes: [{ width: '1', unit: {} }] };
    expect(refusalOf(all, given, 'keyval')).toBe("Parameters 'boxes.0.unit.*' are unexpected");
  });
});

describe('a list', () => {
  it('is an array, whose elements are named by their index', () => {
    expect(read(list(int), [1, 2])).toEqual([1, 2]);
    expect(refusalOf(all, { boxes: {} })).toBe(
      "Invalid parameter type for 'boxes', expected: array",
    );
    expect(refusalOf(all, { boxes: [{ width: 1 }, 5] })).toBe(
      "Invalid parameter type for 'boxes[1]', expected: object",
    );
    expect(refusalOf(all, { boxes: [{ width: '1', x: '' }] }, 'keyval')).toBe(
      "Parameter 'boxes.0.x' is unexpected",
    );
  });
});

describe('a union', () => {
  it('has the members that its tag chooses, and those that all have', () => {
    const given = { kind: 'box', name: 'a', width: 1, unit: 'mm', label: undefined };
    expect(read(shape, { kind: 'box', name: 'a', width: 1, unit: 'mm' })).toEqual(given);
    expect(read(shape, { kind: 'dot' })).toEqual({ kind: 'dot', name: undefined });
  });

  it.each<[JsonValue, string]>([
    [{}, "Parameter 'kind' is missing"],
    [{ kind: 'line' }, "Parameter 'kind' does not accept value 'line'"],
    [{ kind: 5 }, "Invalid parameter type for 'kind', expected: string"],
    [{ kind: 'box' }, "Parameter 'width' is missing"],
    [{ kind: 'dot', width: 1 }, "Parameter 'width' is unexpected"],
  ])('is refused: %j', (given, reason) => {
    expect(refusalOf(shape, given)).toBe(reason);
  });
});

describe('an alternate', () => {
  it('is what its kind of value says', () => {
    expect(read(shapeOrName, 'a')).toBe('a');
    expect(read(shapeOrName, null)).toBeNull();
    expect(read(shapeOrName, { kind: 'dot' })).toMatchObject({ kind: 'dot' });
    expect(read(alternate('FlagOrNumber', [bool, int]), 2n ** 62n)).toBe(2 ** 62);
  });

  it('is refused by the last part of its name, if it is of no such kind', () => {
    const reason = (name: string) => `Invalid parameter type for '${name}', expected: ShapeOrName`;
    expect(refusalOf(all, { boxes: [], shape: [] })).toBe(reason('shape'));
    expect(refusalOf(struct('Outer', { inner: all }), { inner: { boxes: [], shape: 5 } })).toBe(
      reason('shape'),
    );
    expect(refusalOf(list(shapeOrName), [true])).toBe(reason('null'));
    expect(refusalOf(struct('Outer', { shape: shapeOrName }), {})).toBe(
      "Parameter 'shape' is missing",
    );
  });
});

describe('a type made from another', () => {
  it('may put values into another form, and refuse some', () => {
    const even = converted(int, (value, { path }) => {
      if (value % 2 !== 0) throw new RangeError(`odd: ${path}`);
      return { half: value / 2 };
    });
    expect(even.shape).toBe(int.shape);
    expect(read(struct('Even', { even }), { even: 4 })).toEqual({ even: { half: 2 } });
    expect(() => read(struct('Even', { even }), { even: 3 })).toThrow('odd: even');
    expect(read(struct('Even', { even: optional(even) }), {})).toEqual({ even: undefined });
  });

  it('may have features, and be optional with them', () => {
    const odd = withFeatures(optional(str), 'unstable');
    expect([odd.features, odd.isOptional, odd.shape]).toEqual([['unstable'], true, str.shape]);
    expect(read(struct('Odd', { odd }), { odd: 'a' })).toEqual({ odd: 'a' });
  });
});
