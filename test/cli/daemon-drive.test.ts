import { describe, expect, it } from 'vitest';
import { readDrive } from '../../src/cli/daemon-drive.ts';
import { parseOptionList } from '../../src/wire/options/option-list.ts';

const read = (text: string) => readDrive(parseOptionList(text));
const optionsOf = (text: string) => read(text).image?.options;

describe('--drive', () => {
  it('is a disk of virtio, of whatever format, that may be written to', () => {
    expect(read('file=a.img')).toEqual({
      name: undefined,
      place: { bus: 'virtio', index: undefined },
      limits: {},
      ...{ group: undefined, snapshot: undefined, copyOnRead: undefined },
      rerror: undefined,
      werror: undefined,
      ...{ readOnly: false, detectZeroes: 'off', statsIntervals: [], writeCache: true },
      accountRules: { invalid: true, failed: true },
      image: {
        filename: 'a.img',
        format: undefined,
        options: {
          ...{ 'read-only': 'off', 'auto-read-only': 'on', discard: 'ignore' },
          ...{ 'detect-zeroes': 'off', cache: { direct: 'off', 'no-flush': 'off' } },
        },
      },
    });
  });

  it('is empty without a file and options of a node, or with no name of a file', () => {
    expect(read('if=none,id=d0').image).toBeUndefined();
    expect(read('if=none,file=,bps=5').image).toBeUndefined();
  });

  it('may leave its image as it is, and may keep what it reads', () => {
    expect(read('file=a.img,snapshot=on')).toMatchObject({ snapshot: true });
    expect(read('file=a.img,copy-on-read=on')).toMatchObject({ copyOnRead: true });
  });

  it('says what is made of requests that are not done', () => {
    const given = 'file=a.img,stats-account-invalid=off,stats-account-failed=on';
    expect(read(given).accountRules).toEqual({ invalid: false, failed: true });
    const other = 'file=a.img,stats-account-failed=off';
    expect(read(other).accountRules).toEqual({ invalid: true, failed: false });
  });

  it('passes on what is the node’s, and by dots what is of the one below', () => {
    expect(optionsOf('file=a.img,offset=512,file.locking=off,node-name=n')).toMatchObject({
      offset: '512',
      file: { locking: 'off' },
      'node-name': 'n',
    });
  });

  it.each([
    ['none', 'on', 'off', true],
    ['writeback', 'off', 'off', true],
    ['unsafe', 'off', 'on', true],
    ['directsync', 'on', 'off', false],
    ['writethrough', 'off', 'off', false],
  ])('has the cache mode %s', (mode, direct, noFlush, writeCache) => {
    const { image, writeCache: found } = read(`file=a,cache=${mode}`);
    expect(image?.options?.['cache']).toEqual({ direct, 'no-flush': noFlush });
    expect(found).toBe(writeCache);
  });

  it('lets an option of the cache have its say over the mode', () => {
    const { image, writeCache } = read('file=a,cache=none,cache.direct=off,cache.writeback=off');
    expect(image?.options?.['cache']).toEqual({ direct: 'off', 'no-flush': 'off' });
    expect(writeCache).toBe(false);
  });

  it('has limits by their short names and their long ones', () => {
    const { limits, group } = read('bps=5,throttling.iops-read=7,iops_size=512,group=g');
    expect(limits).toEqual({ 'bps-total': 5, 'iops-read': 7, 'iops-size': 512 });
    expect(group).toBe('g');
  });

  it('is read-only as a CD, and detects zeroes to unmap only where it may unmap', () => {
    expect(read('file=a,media=cdrom').readOnly).toBe(true);
    expect(optionsOf('file=a,detect-zeroes=unmap')?.['detect-zeroes']).toBe('on');
    const unmapping = optionsOf('file=a,detect-zeroes=unmap,discard=on');
    expect(unmapping).toMatchObject({ 'detect-zeroes': 'unmap', discard: 'unmap' });
  });

  it('has intervals, policies, and a place', () => {
    expect(read('file=a,stats-intervals.0=1,stats-intervals.1=60').statsIntervals).toEqual([1, 60]);
    expect(read('file=a,rerror=stop,werror=enospc')).toMatchObject({
      ...{ rerror: 'stop', werror: 'enospc' },
    });
    expect(read('file=a,if=none,index=3').place).toEqual({ bus: 'none', index: 3 });
  });

  // What qemu-system-x86_64 7.2 says; the last three are this program's own.
  it.each([
    ['if=foo', "unsupported bus type 'foo'"],
    ['if=scsi', 'machine type does not support if=scsi,bus=0,unit=0'],
    ['index=3,bus=1', 'index cannot be used with bus and unit'],
    ['media=foo', "'foo' invalid media"],
    ['cache=foo', 'invalid cache option'],
    ['aio=foo', 'invalid aio option'],
    [
      'aio=native',
      'aio=native was specified, but it requires cache.direct=on, which was not specified.',
    ],
    ['discard=x', 'Invalid discard option'],
    ['detect-zeroes=x', 'invalid parameter value: x'],
    ['read-only=x', "Parameter 'read-only' expects 'on' or 'off'"],
    [
      'read-only=on,readonly=on',
      "'read-only' and its alias 'readonly' can't be used at the same time",
    ],
    ['bps=x', "Parameter 'throttling.bps-total' expects a number"],
    ['rerror=enospc', "'enospc' invalid read error action"],
    ['werror=foo', "'foo' invalid write error action"],
    ['stats-intervals.0=0', 'Invalid interval length: 0'],
    ['stats-intervals.1=60', 'Invalid option stats-intervals.1'],
    ['format=raw', 'A block device must be specified for "file"'],
  ])('refuses %s', (text, reason) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ code: 'EINVAL', reason }));
  });
});
