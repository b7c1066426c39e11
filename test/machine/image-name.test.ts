import { describe, expect, it } from 'vitest';
import { imageOf, parseImageName } from '../../src/machine/image-name.ts';

describe('name of an image', () => {
  it.each([
    ['disk.img', 'disk.img'],
    ['/images/disk.img', '/images/disk.img'],
    ['./nbd:disk', './nbd:disk'],
    ['nbd', 'nbd'],
    ['nbdx://host/', 'nbdx://host/'],
    ['a:b', 'a:b'],
    ['file:nbd://host/disk', 'nbd://host/disk'],
    ['file:file:disk', 'file:disk'],
  ])('is a path: %s', (name, path) => {
    expect(parseImageName(name)).toEqual({ kind: 'file', path });
  });

  it.each([
    ['nbd://host/disk', { type: 'inet', host: 'host', port: 10_809 }],
    ['nbd+unix:///disk?socket=/run/nbd', { type: 'unix', path: '/run/nbd' }],
    ['NBDS://host/disk', { type: 'inet', host: 'host', port: 10_809 }],
  ])('is an export: %s', (name, server) => {
    const uri = { server, exportName: 'disk' };
    expect(parseImageName(name)).toMatchObject({ kind: 'nbd', uri });
  });

  it('is no file when it is a wrong URI', () => {
    for (const name of ['nbd:host', 'nbd+ssh://host/', 'nbds+unix:///']) {
      expect(() => parseImageName(name), name).toThrow('Cannot use');
    }
  });
});

describe('JSON as the name of an image', () => {
  it('is the options of a disk', () => {
    const options = { driver: 'raw', file: { driver: 'memory', size: 512 } };
    expect(parseImageName(`json:${JSON.stringify(options)}`)).toEqual({ kind: 'node', options });
  });

  it.each([
    ['json:', 'it must be JSON'],
    ['json:{', 'it must be JSON'],
    ['json:"disk"', 'it must be the options of a disk'],
    ['json:[]', 'it must be the options of a disk'],
    ['json:null', 'it must be the options of a disk'],
  ])('is refused when it is none: %s', (name, reason) => {
    expect(() => parseImageName(name)).toThrow(reason);
  });
});

describe('image', () => {
  it('has a name, or the options of its node', () => {
    const options = { driver: 'memory', size: 512 };
    expect(imageOf(options)).toEqual({ kind: 'node', options });
    expect(imageOf('disk.img')).toEqual({ kind: 'file', path: 'disk.img' });
  });
});
