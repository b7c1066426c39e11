import { describe, expect, it } from 'vitest';
import { type KeyvalSyntax, parseKeyval } from '../../../src/wire/options/keyval.ts';

const BLOCKDEV: KeyvalSyntax = { impliedName: 'driver', hasHelp: false };
const NO_HELP: KeyvalSyntax = { hasHelp: false };

describe('options', () => {
  it.each([
    ['', {}],
    ['a=1', { a: '1' }],
    ['a=1,', { a: '1' }],
    ['a=1,b=2', { a: '1', b: '2' }],
    ['a=', { a: '' }],
    ['a=b=c', { a: 'b=c' }],
    ['a=1,,2,,,b=,,', { a: '1,2,', b: ',' }],
    ['a=1,a=2', { a: '2' }],
    ['node-name=x_1', { 'node-name': 'x_1' }],
    ['__org.qemu-project_x=1', { '__org.qemu-project_x': '1' }],
    [`${'a'.repeat(127)}=1`, { ['a'.repeat(127)]: '1' }],
    ['help=1', { help: '1' }],
  ])('are names and values: %j', (text, values) => {
    expect(parseKeyval(text, NO_HELP)).toEqual({ values, helpWanted: false });
  });

  it.each([
    ['a.b=1,a.c.d=2,e=3', { a: { b: '1', c: { d: '2' } }, e: '3' }],
    ['a.0=x,a.1=y', { a: ['x', 'y'] }],
    ['a.1=y,a.0=x', { a: ['x', 'y'] }],
    ['a.00=x', { a: ['x'] }],
    ['a.0.b=x,a.0.c=y,a.1=z', { a: [{ b: 'x', c: 'y' }, 'z'] }],
    ['a.0.0=x', { a: [['x']] }],
    ['a.constructor=1', { a: { constructor: '1' } }],
  ])('lead into objects and lists: %j', (text, values) => {
    expect(parseKeyval(text, NO_HELP).values).toEqual(values);
  });

  it.each([
    ['raw', { driver: 'raw' }],
    ['raw,file=x', { driver: 'raw', file: 'x' }],
    ['file=x', { file: 'x' }],
    ['a.b', { driver: 'a.b' }],
    [' ', { driver: ' ' }],
  ])('begin with a value alone where a name is implied: %j', (text, values) => {
    expect(parseKeyval(text, BLOCKDEV).values).toEqual(values);
  });

  it.each([
    ['help', {}],
    ['?', {}],
    ['raw,help', { driver: 'raw' }],
    ['raw,?,a=1', { driver: 'raw', a: '1' }],
  ])('ask for help where there is any: %j', (text, values) => {
    expect(parseKeyval(text, { ...BLOCKDEV, hasHelp: true })).toEqual({ values, helpWanted: true });
    const reason = 'Help is not available for this option';
    expect(() => parseKeyval(text, BLOCKDEV)).toThrow(expect.objectContaining({ reason }));
  });

  it.each([
    ['=1', "Invalid parameter ''"],
    [',a=1', "Invalid parameter ''"],
    ['.a=1', "Invalid parameter '.a'"],
    ['a.=1', "Invalid parameter 'a.'"],
    ['a..b=1', "Invalid parameter 'a..b'"],
    ['0=1', "Invalid parameter '0'"],
    ['a.0x=1', "Invalid parameter 'a.0x'"],
    ['a.-=1', "Invalid parameter 'a.-'"],
    ['a b=1', "Invalid parameter 'a b'"],
    ['_a=1', "Invalid parameter '_a'"],
    ['__a=1', "Invalid parameter '__a'"],
    ['a.__proto__.b=1', "Invalid parameter 'a.__proto__.b'"],
    ['é=1', "Invalid parameter 'é'"],
    ['x=1,raw', "Expected '=' after parameter 'raw'"],
    ['x=1,a.b', "Expected '=' after parameter 'a.b'"],
    ['x=1,a b', "Invalid parameter 'a b'"],
    ['raw,raw', "Expected '=' after parameter 'raw'"],
    [`${'a'.repeat(128)}=1`, `Parameter '${'a'.repeat(128)}' is too long`],
    [`x.${'a'.repeat(128)}=1`, `Parameter fragment '${'a'.repeat(128)}' is too long`],
    ['a=1,a.b=2', "Parameters 'a.*' used inconsistently"],
    ['a.b=1,a=2', "Parameters 'a.*' used inconsistently"],
    ['a.b=1,a.b.c=2', "Parameters 'a.b.*' used inconsistently"],
    ['a=1,a.b..c=2', "Parameters 'a.*' used inconsistently"],
    ['a.0=1,a.b=2', "Parameters 'a.*' used inconsistently"],
    ['a.b.0=1,a.b.c=2', "Parameters 'a.b.*' used inconsistently"],
    ['a.1=1', "Parameter 'a.0' missing"],
    ['a.b.0=1,a.b.2=2', "Parameter 'a.b.1' missing"],
    ['b.1=1,a.1=1', "Parameter 'a.0' missing"],
    ['micro.1=1,minor.1=1', "Parameter 'minor.0' missing"],
    ['minor.1=1,micro.1=1', "Parameter 'micro.0' missing"],
    ['a.99999999999=1', "Parameter 'a.0' missing"],
  ])('that are none are refused as QEMU refuses them: %j', (text, reason) => {
    expect(() => parseKeyval(text, BLOCKDEV)).toThrow(
      expect.objectContaining({ code: 'EINVAL', reason }),
    );
  });
});
