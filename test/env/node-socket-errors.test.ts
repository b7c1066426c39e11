import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { socketError } from '../../src/env/node-socket-errors.ts';

function errorWith(fields: object): Error {
  return Object.assign(new Error('Node says so'), fields);
}

describe('socketError()', () => {
  it.each([
    ['ECONNREFUSED', 'Connection refused'],
    ['ECONNRESET', 'Connection reset by peer'],
    ['EADDRINUSE', 'Address already in use'],
    ['EPIPE', 'Broken pipe'],
  ])('describes %s as the C library does', (code, reason) => {
    const error = socketError(errorWith({ code, syscall: 'connect' }), 'connect to "a:1"');
    expect(error).toMatchObject({ code, message: `Cannot connect to "a:1": ${reason}` });
  });

  it('says of a name that nobody knows what the C library says', () => {
    const unknown = errorWith({ code: 'ENOTFOUND', syscall: 'getaddrinfo' });
    expect(socketError(unknown, 'connect to "a:1"')).toMatchObject({
      code: 'EHOSTUNREACH',
      reason: 'Name or service not known',
      cause: unknown,
    });
    const strange = errorWith({ code: 'EAI_STRANGE', syscall: 'getaddrinfo' });
    expect(socketError(strange, 'connect')).toMatchObject({
      code: 'EHOSTUNREACH',
      reason: 'Node says so',
    });
  });

  it('takes the first of several addresses that could not be reached', () => {
    const errors = [
      errorWith({ code: 'ENETUNREACH', syscall: 'connect' }),
      errorWith({ code: 'ECONNREFUSED', syscall: 'connect' }),
    ];
    const error = socketError(new AggregateError(errors), 'connect');
    expect(error).toMatchObject({ code: 'ENETUNREACH', reason: 'Network is unreachable' });
  });

  it.each([
    ['SELF_SIGNED_CERT_IN_CHAIN', 'EACCES'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'EACCES'],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'EACCES'],
    ['ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE', 'EACCES'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'EIO'],
    ['ECONNRESET', 'EIO'],
    ['', 'EIO'],
  ])('takes %j of TLS for %s', (code, expected) => {
    const error = socketError(errorWith({ code, reason: 'in short' }), 'start TLS');
    expect(error).toMatchObject({ code: expected, message: 'Cannot start TLS: in short' });
  });

  it('leaves an error of ours as it is', () => {
    const error = new BlockError('EIO', 'read', 'it failed');
    expect(socketError(error, 'connect')).toBe(error);
  });
});
