import { describe, expect, it } from 'vitest';
import { formatNbdUri, type NbdUri, parseNbdUri } from '../../../src/wire/nbd/uri.ts';

const inet = (host: string, port = 10_809) => ({ type: 'inet', host, port }) as const;
const unix = (path: string) => ({ type: 'unix', path }) as const;

/** The parts that are there. */
function partsOf(uri: string): NbdUri {
  return JSON.parse(JSON.stringify(parseNbdUri(uri)));
}

describe('the export name', () => {
  it.each([
    // The table of the specification.
    ['nbd://example.com/disk', 'disk'],
    ['nbd+unix:///disk?socket=sock', 'disk'],
    ['nbd://example.com/', ''],
    ['nbd://example.com', ''],
    ['nbd://example.com//disk', '/disk'],
    ['nbd://example.com/hello%20world', 'hello world'],
    // And what a URL would make something else of.
    ['nbd://example.com/..', '..'],
    ['nbd://example.com/a/../b/./c', 'a/../b/./c'],
    ['nbd://example.com/a%2Fb', 'a/b'],
    ['nbd://example.com/a+b:c@d', 'a+b:c@d'],
    ['nbd://example.com/%23%3f%25', '#?%'],
    ['nbd://example.com/%F0%9F%92%BE', '💾'],
    ['nbd+unix://?socket=sock', ''],
  ])('of %s is "%s"', (uri, name) => {
    expect(parseNbdUri(uri).exportName).toBe(name);
  });
});

describe('the server', () => {
  it.each([
    ['nbd://example.com:10809/export', inet('example.com')],
    ['nbd://example.com', inet('example.com')],
    ['nbd://example.com:', inet('example.com')],
    ['nbd://example.com:1/', inet('example.com', 1)],
    ['nbd://127.0.0.1:65535/', inet('127.0.0.1', 65_535)],
    ['NBD://Example.com', inet('Example.com')],
    ['nbd://[::1]', inet('::1')],
    ['nbd://[2001:db8::7]:10810/x', inet('2001:db8::7', 10_810)],
    ['nbd://[fe80::1%25eth0]/', inet('fe80::1%eth0')],
    ['nbd:///disk', inet('localhost')],
    ['nbd://', inet('localhost')],
    ['nbd+unix:///export?socket=nbd.sock', unix('nbd.sock')],
    ['nbd+unix://?socket=/tmp/a+b%20c%26d', unix('/tmp/a+b c&d')],
    ['nbd+unix:///?socket=/tmp/x=y', unix('/tmp/x=y')],
    ['nbd+unix:///?&Socket=/tmp/x&', unix('/tmp/x')],
  ])('of %s is %j', (uri, server) => {
    expect(partsOf(uri).server).toEqual(server);
  });
});

describe('TLS', () => {
  it.each([
    ['nbds://example.com/disk', {}],
    ['nbds://alice@example.com/', { username: 'alice' }],
    ['nbds+unix://alice@/?socket=s&tls-psk-file=/k.psk', { username: 'alice', pskFile: '/k.psk' }],
    ['nbds://h/?tls-username=al%40ice', { username: 'al@ice' }],
    ['nbds://h/?tls-type=psk', { type: 'psk' }],
    [
      'nbds://h/?tls-type=x509&tls-certificates=/etc/pki&tls-hostname=example.com',
      { type: 'x509', certificates: '/etc/pki', hostname: 'example.com' },
    ],
    ['nbds://h/?tls-verify-peer=1', { verifyPeer: true }],
    ['nbds://h/?tls-verify-peer=false', { verifyPeer: false }],
  ])('is asked for by %s', (uri, tls) => {
    expect(partsOf(uri).tls).toEqual(tls);
  });

  it.each(['nbd://example.com/disk', 'nbd+unix:///?socket=s'])('is not by %s', (uri) => {
    expect(parseNbdUri(uri).tls).toBeUndefined();
  });
});

describe('a URI', () => {
  it.each([
    ['', /must be of the form/],
    ['disk.img', /must be of the form/],
    ['nbd:localhost:10809', /must be of the form/],
    ['nbd:unix:/tmp/sock:exportname=disk', /must be of the form/],
    ['http://example.com', /scheme .* must be nbd, nbds, nbd\+unix or nbds\+unix: http/],
    ['nbdx://example.com', /scheme .*: nbdx/],
    ['nbd+vsock://2/disk', /other ways to a server are not supported: nbd\+vsock/],
    ['nbds+vsock://2/disk', /not supported: nbds\+vsock/],
    ['nbd+ssh://example.com/disk', /not supported: nbd\+ssh/],
    ['nbd://h/disk#1', /"#" in an NBD URI must be written as %23/],
    ['nbd://h/%zz', /"%" must begin an octet of UTF-8: %zz/],
    ['nbd://h/%ff', /octet of UTF-8: %ff/],
    ['nbd://h/a%00b', /must not contain NUL/],
    [`nbd://h/${'a'.repeat(4097)}`, /must not exceed 4096 bytes: 4097/],
    ['nbd://h:0', /a port must be from 1 to 65535: 0/],
    ['nbd://h:65536', /a port must be from 1 to 65535: 65536/],
    ['nbd://h:ten', /a port a number: h:ten/],
    ['nbd://::1', /an IPv6 address must be in brackets.*: ::1/],
    ['nbd://[::1', /must be in brackets/],
    ['nbd://[example.com]', /in brackets must be IPv6: example\.com/],
    ['nbd://h/?socket=/tmp/s', /"socket" must be with nbd\+unix or nbds\+unix/],
    ['nbd+unix:///disk', /must be given as in nbd\+unix:\/\/\/export\?socket=path/],
    ['nbd+unix:///disk?socket=', /"socket" must not be empty/],
    ['nbd+unix:///?socket=%00/abstract', /"socket" must not contain NUL/],
    ['nbd+unix:///?socket=a&socket=b', /"socket" must be given once/],
    ['nbd+unix://h/?socket=a', /must be without host and port: h/],
    ['nbd://h/?tls-hostname=x', /"tls-hostname" must be one of TLS, with nbds/],
    ['nbd://alice@h/', /"tls-username" must be one of TLS, with nbds/],
    ['nbds://alice@h/?tls-username=bob', /"tls-username" must be given once/],
    ['nbds://h/?tls-type=anon', /"tls-type" must be x509 or psk: anon/],
    ['nbds://h/?tls-verify-peer=2', /"tls-verify-peer" must be 1 or 0: 2/],
    ['nbds://h/?tls-cipher=none', /"tls-cipher" must be one of TLS/],
    ['nbd://h/?x-fast=1', /parameters must be known: "x-fast"/],
  ])('is refused with the rule that it breaks: %s', (uri, rule) => {
    const refusal = () => parseNbdUri(uri);
    expect(refusal).toThrow(rule);
    expect(refusal).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  });

  it.each([
    'nbd://example.com/',
    'nbd://example.com:1/disk',
    'nbd://[fe80::1%25eth0]:1/a/b',
    'nbd://localhost/..',
    'nbd://localhost//a%20b%3F%23%25',
    'nbd+unix:///?socket=/tmp/a%2Bb',
    'nbds://al%40ice@example.com/disk?tls-type=x509&tls-certificates=/etc/pki&tls-verify-peer=0',
    'nbds+unix:///disk?socket=/tmp/s&tls-psk-file=/k.psk&tls-hostname=h&tls-verify-peer=1',
  ])('comes back as it was: %s', (uri) => {
    expect(formatNbdUri(parseNbdUri(uri))).toBe(uri);
  });
});
