import { describe, expect, it } from 'vitest';
import { qomTypes } from '../../src/monitor/qom-types.ts';
import { MonitorRig } from '../support/monitor-rig.ts';

describe('the types of the object model', () => {
  it('are of those above them, and have the interfaces of those', () => {
    const names = (of: string) => qomTypes(of).map(({ name }) => name);
    expect(names('tls-creds')).toEqual(['tls-creds-psk', 'tls-creds', 'tls-creds-x509']);
    expect(names('chardev-fd')).toEqual([
      'chardev-pipe',
      'chardev-fd',
      'chardev-stdio',
      'chardev-file',
    ]);
    const creatable = ['iothread', 'secret', 'tls-creds-psk', 'tls-creds-x509', 'throttle-group'];
    expect(names('user-creatable').toSorted()).toEqual([...creatable, 'user-creatable'].toSorted());
    expect(names('interface')).toContain('iothread');
    expect(names('none')).toEqual([]);
  });

  it('are all below one of two roots', () => {
    const below = new Set([...qomTypes('object'), ...qomTypes('interface')]);
    expect(new Set(qomTypes())).toEqual(below);
  });

  it('are listed without those that no object is of, unless they are asked for', async () => {
    const client = await new MonitorRig().client();
    const given = { implements: 'chardev-fd' };
    const concrete = await client.execute('qom-list-types', given);
    expect(concrete).toEqual([
      { name: 'chardev-pipe', parent: 'chardev-fd' },
      { name: 'chardev-stdio', parent: 'chardev-fd' },
      { name: 'chardev-file', parent: 'chardev-fd' },
    ]);
    const all = await client.execute('qom-list-types', { ...given, abstract: true });
    const abstract = { name: 'chardev-fd', parent: 'chardev', abstract: true };
    expect(all).toEqual(expect.arrayContaining([...(concrete as object[]), abstract]));
  });
});
