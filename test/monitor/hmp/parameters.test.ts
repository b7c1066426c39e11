import { describe, expect, it } from 'vitest';
import { readArguments } from '../../../src/monitor/hmp/parameters.ts';

/** @returns The values, or all that was told. */
function read(parameters: string, line: string) {
  let told = '';
  const tell = (text: string) => {
    told += text;
  };
  const command = { name: 'verb', parameters };
  return readArguments(command, line, { print: tell, complain: tell }) ?? told;
}

const MiB = 1024 * 1024;

describe('readArguments()', () => {
  it.each([
    ['', '', {}],
    ['device:B', 'disk', { device: 'disk' }],
    ['device:B,command:s', ' disk "read 0 1" ', { device: 'disk', command: 'read 0 1' }],
    ['device:B,format:s?', 'disk', { device: 'disk' }],
    ['device:B,format:s?', 'disk raw', { device: 'disk', format: 'raw' }],
    ['name:S?', 'info  block', { name: 'info  block' }],
    ['name:S?', ' ', {}],
    ['force:-f,device:B', '-f disk', { force: true, device: 'disk' }],
    ['force:-f,device:B', 'disk', { force: false, device: 'disk' }],
    ['reuse:-n,full:-f,device:B', '-f d', { reuse: false, full: true, device: 'd' }],
    ['reuse:-n,full:-f,device:B', '-n -f d', { reuse: true, full: true, device: 'd' }],
    // Options are looked for in their order.
    ['reuse:-n,full:-f,device:B', '-f -n', { reuse: false, full: true, device: '-n' }],
    ['size:o', '10', { size: 10 * MiB }],
    ['size:o', '1.5', { size: 1.5 * MiB }],
    ['size:o', '512b', { size: 512 }],
    ['size:o', '2K', { size: 2048 }],
    ['size:o', '0x10', { size: 16 * MiB }],
    ['a:l,b:l,c:l', '10 -3 0x1F', { a: 10, b: -3, c: 31 }],
  ])('reads %j from %j', (parameters, line, values) => {
    expect(read(parameters, line)).toEqual(values);
  });

  it.each([
    ['', 'x', 'verb: extraneous characters at the end of line\n'],
    ['device:B', '', 'verb: block device name expected\n'],
    ['id:s', ' ', 'verb: string expected\n'],
    ['id:s', '"x', 'unterminated string\nverb: string expected\n'],
    ['force:-f,device:B', '-x disk', 'verb: unsupported option -x\n'],
    ['reuse:-n,full:-f,device:B', '-n -n d', 'verb: unsupported option -n\n'],
    ['a:l', '', 'unexpected end of expression\n'],
    ['a:l', 'x', "invalid char 'x' in expression\n"],
    ['size:o', '', 'invalid size\n'],
    ['size:o', 'x', 'invalid size\n'],
    ['size:o', '-5', 'invalid size\n'],
    ['size:o', '8E', 'invalid size\n'],
    ['size:o', '99999999999999999999999', 'invalid size\n'],
    ['size:o', '1M+1', 'verb: extraneous characters at the end of line\n'],
    ['size:o', '3 4', 'verb: extraneous characters at the end of line\n'],
  ])('tells what is wrong: %j for %j', (parameters, line, told) => {
    expect(read(parameters, line)).toBe(told);
  });
});
