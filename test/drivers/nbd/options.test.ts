import { describe, expect, it } from 'vitest';
import { readOptions } from '../../../src/block/options.ts';
import { nbdOptions } from '../../../src/drivers/nbd/options.ts';

const unix = { type: 'unix', path: '/run/nbd' };
const read = (given: Record<string, unknown>) => readOptions(nbdOptions, given);

describe('options of the NBD driver', () => {
  it('are those of BlockdevOptionsNbd, with its defaults', () => {
    expect(read({ server: unix })).toEqual({
      server: unix,
      export: '',
      'tls-creds': undefined,
      'tls-hostname': undefined,
      'reconnect-delay': 0,
      'open-timeout': 0,
      'x-dirty-bitmap': undefined,
    });
    const inet = { type: 'inet', host: '::1', port: '10809' };
    expect(read({ server: inet }).server).toEqual({ type: 'inet', host: '::1', port: 10_809 });
  });

  it.each([
    [{}, "Parameter 'server' is missing"],
    [{ server: '/run/nbd' }, "Invalid parameter type for 'server', expected: object"],
    [{ server: {} }, "Parameter 'server.type' is missing"],
    [{ server: { type: 'vsock' } }, "Parameter 'server.type' does not accept value 'vsock'"],
    [{ server: { type: 'unix' } }, "Parameter 'server.path' is missing"],
    [{ server: { ...unix, host: 'a' } }, "Parameter 'server.host' is unexpected"],
    [
      { server: { type: 'inet', host: 'a', port: 10_809 } },
      "Invalid parameter type for 'server.port', expected: string",
    ],
    [
      { server: { type: 'inet', host: 'a', port: '0' } },
      `Parameter 'server.port' expects a port number from 1 to 65535: "0"`,
    ],
    [
      { server: { type: 'inet', host: 'a', port: 'nbd' } },
      `Parameter 'server.port' expects a port number from 1 to 65535: "nbd"`,
    ],
    [
      { server: unix, 'reconnect-delay': 1e9 },
      "Parameter 'reconnect-delay' must not exceed 2000000: 1000000000",
    ],
    [{ server: unix, socket: 'x' }, "Parameter 'socket' is unexpected"],
  ])('are checked: %j', (given, reason) => {
    expect(() => read(given)).toThrow(`Cannot open the node: ${reason}`);
  });
});
