import { describe, expect, it } from 'vitest';
import { nodeEnv } from '../../src/env/node.ts';
import { isJsonName, optionsOfJsonName, protocolOptions } from '../../src/machine/filename.ts';
import { TlsCredentialStore } from '../../src/machine/tls-credentials.ts';

const optionsOf = (name: string) => protocolOptions(name, new TlsCredentialStore(nodeEnv().files));
const inet = (host: string, port: string) => ({ type: 'inet', host, port });

describe('a file name', () => {
  it.each([
    ['disk.img', { driver: 'file', filename: 'disk.img' }],
    ['./a:b', { driver: 'file', filename: './a:b' }],
    ['file:a:b', { driver: 'file', filename: 'a:b' }],
    ['null-co://', { driver: 'null-co' }],
    ['nbd://h:10810/x', { driver: 'nbd', server: inet('h', '10810'), export: 'x' }],
    ['nbd+tcp://h/x', { driver: 'nbd', server: inet('h', '10809'), export: 'x' }],
    ['nbd:h:10:exportname=x', { driver: 'nbd', server: inet('h', '10'), export: 'x' }],
    ['nbd:[::1]:10', { driver: 'nbd', server: inet('::1', '10') }],
    ['nbd:unix:/s', { driver: 'nbd', server: { type: 'unix', path: '/s' } }],
  ])('%s stands for a node', async (name, options) => {
    expect(await optionsOf(name)).toEqual(options);
  });

  // What QEMU 7.2 says.
  it.each([
    ['foo:bar', "Unknown protocol 'foo'"],
    ['null-co://foo', "The only allowed filename for this driver is 'null-co://'"],
    ['nbd:', 'NBD server address missing'],
    ['nbd:foo', "error parsing address 'foo'"],
  ])('%s is refused', async (name, reason) => {
    await expect(optionsOf(name)).rejects.toThrow(expect.objectContaining({ reason }));
  });
});

describe('options in the place of a name', () => {
  it('become texts', () => {
    expect(isJsonName('json:{}')).toBe(true);
    expect(optionsOfJsonName(`json:{'driver': 'raw', "size": 512, "a": [true, null]}`)).toEqual({
      driver: 'raw',
      size: '512',
      a: ['on', ''],
    });
  });

  it.each([
    ['json:5', 'Invalid JSON object given'],
    ['json:{"a"', 'Could not parse the JSON options: JSON parse error, premature EOI'],
  ])('%s are refused', (name, reason) => {
    expect(() => optionsOfJsonName(name)).toThrow(expect.objectContaining({ reason }));
  });
});
