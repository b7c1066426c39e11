import { describe, expect, it } from 'vitest';
import { NodeNames } from '../../src/block/node-names.ts';

function names() {
  const found = new NodeNames((name) => name === 'open');
  found.shareWith((name) => name === 'drive');
  found.reserve('opening');
  return found;
}

describe('the names of nodes', () => {
  // What QEMU 7.2 says.
  it.each([
    ['1st', "Invalid node-name: '1st'"],
    ['#block001', "Invalid node-name: '#block001'"],
    ['drive', 'node-name=drive is conflicting with a device id'],
    ['open', "Duplicate nodes with node-name='open'"],
    ['opening', "Duplicate nodes with node-name='opening'"],
    ['n'.repeat(32), 'Node name too long'],
  ])('refuses %s', (name, reason) => {
    expect(() => names().demand(name)).toThrow(expect.objectContaining({ code: 'EINVAL', reason }));
  });

  it('takes others, and those that are given back', () => {
    const found = names();
    found.release('opening');
    for (const name of ['a', 'opening', 'n'.repeat(31)]) found.demand(name);
  });

  it('are never the same twice where nobody gave one', () => {
    const found = names();
    expect(found.next()).not.toBe(found.next());
  });
});
