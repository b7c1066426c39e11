import { describe, expect, it } from 'vitest';
import { nbdOptions } from '../../../src/drivers/nbd/options.ts';
import { struct } from '../../../src/wire/qapi/composites.ts';
import { wholeOf } from '../../../src/wire/qapi/type.ts';
import type { JsonObject } from '../../../src/wire/qmp/json-value.ts';
import { refusalOf } from '../../support/qapi.ts';

const unix = { type: 'unix', path: '/run/nbd' };
const inet = { type: 'inet', host: '::1', port: '10809' };
const options = struct('BlockdevOptionsNbd', nbdOptions);
const read = (given: JsonObject) => options.read(given, wholeOf('json'));

describe('options of the NBD driver', () => {
  it('are those of BlockdevOptionsNbd with its defaults, and how many connections to use', () => {
    expect(read({ server: unix })).toEqual({
      server: unix,
      export: '',
      'tls-creds': undefined,
      'tls-hostname': undefined,
      'reconnect-delay': 0,
      'open-timeout': 0,
      'multi-conn': 2,
      'x-dirty-bitmap': undefined,
    });
    expect(read({ server: inet }).server).toEqual({ type: 'inet', host: '::1', port: 10_809 });
  });

  it('may say of an address what is so anyway', () => {
    const plain = { ipv4: true, ipv6: true, 'keep-alive': false, mptcp: false, to: 10_810 };
    expect(read({ server: { ...inet, ...plain } }).server).toEqual({
      type: 'inet',
      host: '::1',
      port: 10_809,
    });
    expect(read({ server: { ...unix, abstract: false, tight: true } }).server).toEqual(unix);
  });

  it.each<[JsonObject, string]>([
    [{}, "Parameter 'server' is missing"],
    [{ server: '/run/nbd' }, "Invalid parameter type for 'server', expected: object"],
    [{ server: {} }, "Parameter 'server.type' is missing"],
    [{ server: { type: 'tipc' } }, "Parameter 'type' does not accept value 'tipc'"],
    [{ server: { type: 'unix' } }, "Parameter 'server.path' is missing"],
    [{ server: { ...unix, host: 'a' } }, "Parameter 'server.host' is unexpected"],
    [{ server: { type: 'fd', str: '3' } }, "Parameter 'server.type=fd' is not supported"],
    [{ server: { ...unix, abstract: true } }, "Parameter 'server.abstract' is not supported"],
    [{ server: { ...inet, mptcp: true } }, "Parameter 'server.mptcp' is not supported"],
    [{ server: { ...inet, 'keep-alive': true } }, "Parameter 'server.keep-alive' is not supported"],
    [{ server: { ...inet, ipv4: true } }, "Parameter 'server.ipv4' is not supported"],
    [{ server: { ...inet, ipv6: false } }, "Parameter 'server.ipv6' is not supported"],
    [
      { server: { ...inet, port: 10_809 } },
      "Invalid parameter type for 'server.port', expected: string",
    ],
    [
      { server: { ...inet, port: 'nbd' } },
      'address resolution failed for ::1:nbd: Servname not supported for ai_socktype',
    ],
    [{ server: unix, export: 'e'.repeat(4097) }, 'export name too long to send to server'],
    [
      { server: unix, 'x-dirty-bitmap': 'e'.repeat(4097) },
      'x-dirty-bitmap too long to send to server',
    ],
    [
      { server: unix, 'reconnect-delay': 1e9 },
      "Parameter 'reconnect-delay' must not exceed 2000000: 1000000000",
    ],
    [{ server: unix, 'open-timeout': -1 }, "Parameter 'open-timeout' expects uint32_t"],
    [{ server: unix, 'multi-conn': 17 }, "Parameter 'multi-conn' must not exceed 16: 17"],
    [{ server: unix, socket: 'x' }, "Parameter 'socket' is unexpected"],
  ])('are checked: %j', (given, reason) => {
    expect(refusalOf(options, given)).toBe(reason);
  });
});
