import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import {
  listenAt,
  modernAddress,
  placeOf,
  socketAddressLegacy,
} from '../../src/monitor/sockets.ts';
import { socketAddress } from '../../src/wire/qapi/socket-address.ts';
import { wholeOf } from '../../src/wire/qapi/type.ts';
import type { JsonObject } from '../../src/wire/qmp/json-value.ts';

function given(value: JsonObject) {
  return socketAddress.read(value, wholeOf('json'));
}

const inUse = new BlockError('EADDRINUSE', 'listen', 'Address already in use');

describe('sockets as options name them', () => {
  it('are the same where a member holds what they consist of', () => {
    const data = { host: 'h', port: '1', to: 5 };
    const legacy = socketAddressLegacy.read({ type: 'inet', data }, wholeOf('json'));
    expect(modernAddress(legacy)).toMatchObject({ type: 'inet', ...data });
    const unix = { type: 'unix', data: { path: '/p' } };
    const read = socketAddressLegacy.read(unix, wholeOf('json'));
    expect(modernAddress(read)).toMatchObject({ type: 'unix', path: '/p' });
  });

  it('may be descriptors, of a command line alone', () => {
    const address = given({ type: 'fd', str: '7' });
    const place = { address: { type: 'fd', descriptor: 7 } };
    expect(placeOf(address, 'command line')).toEqual(place);
    const reason = 'only QEMU supports file descriptor passing';
    expect(() => placeOf(address, 'monitor')).toThrow(expect.objectContaining({ reason }));
  });

  it.each([
    [{ type: 'fd', str: 'x' }, 'Unable to parse FD number x'],
    [{ type: 'vsock', cid: '1', port: '2' }, 'Sockets of virtual machines are not supported'],
    [{ type: 'unix', path: 'p', abstract: true }, 'Abstract Unix sockets are not supported'],
    [
      { type: 'inet', host: 'h', port: 'http' },
      'address resolution failed for h:http: Servname not supported for ai_socktype',
    ],
    [{ type: 'inet', host: 'a.host', port: '1', ipv4: true }, "Names with 'ipv4' or 'ipv6'"],
    [{ type: 'inet', host: 'h', port: '1', mptcp: true }, "Connections with 'mptcp'"],
  ])('are refused where they cannot be had: %j', (address, text) => {
    const reason = expect.stringContaining(text);
    const read = () => placeOf(given(address), 'command line');
    expect(read).toThrow(expect.objectContaining({ reason }));
  });
});

describe('listenAt()', () => {
  const address = { type: 'inet', host: '::1', port: 5 } as const;

  it('takes the first port of the range that is free', async () => {
    const tried: number[] = [];
    const taken = await listenAt({ address, lastPort: 9 }, async (at) => {
      if (at.type === 'inet') tried.push(at.port);
      if (tried.length < 3) throw inUse;
      return at;
    });
    expect([taken, tried]).toEqual([{ ...address, port: 7 }, [5, 6, 7]]);
  });

  it('says so when none is', async () => {
    let attempts = 0;
    const listening = listenAt({ address, lastPort: 6 }, async () => {
      attempts += 1;
      throw inUse;
    });
    const reason = 'Failed to find an available port: Address already in use';
    await expect(listening).rejects.toMatchObject({ code: 'EADDRINUSE', reason });
    expect(attempts).toBe(2);
  });

  it('leaves alone what is no matter of the address', async () => {
    const busy = new BlockError('EBUSY', 'start', 'NBD server already running');
    const listening = listenAt({ address }, () => Promise.reject(busy));
    await expect(listening).rejects.toBe(busy);
  });
});
