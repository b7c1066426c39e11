/**
 * NBD URIs: where a server is and which of its exports is meant (`doc/uri.md` of
 * NetworkBlockDevice/nbd).
 *
 *     nbd://[user@]host[:port]/export               TCP; nbds under TLS
 *     nbd+unix://[user@]/export?socket=path         a Unix socket; nbds+unix under TLS
 *
 * and the parameters of TLS that libnbd has (`nbd_connect_uri(3)`). What a URI says that nobody
 * would heed is an error: most of all TLS for a scheme without it.
 *
 * The `URL` class is of little use here. It resolves `..`, and so changes the names of exports; its
 * search parameters turn `+` into a space, and so change the paths of sockets.
 */

import { BlockError } from '../../base/errors.ts';
import { NBD_PORT } from './constants.ts';
import { encodeText } from './texts.ts';

/** An NBD URI, taken apart. */
export interface NbdUri {
  readonly server:
    | { readonly type: 'inet'; readonly host: string; readonly port: number }
    | { readonly type: 'unix'; readonly path: string };
  /** Empty for the default export. */
  readonly exportName: string;
  /** How TLS goes, which there must be; unset where there is none. */
  readonly tls?: NbdUriTls | undefined;
}

/** What a URI says about TLS. */
export interface NbdUriTls {
  readonly type?: 'x509' | 'psk' | undefined;
  /** The folder of the certificates. */
  readonly certificates?: string | undefined;
  /** The file of the pre-shared keys. */
  readonly pskFile?: string | undefined;
  /** Whose pre-shared key it is. */
  readonly username?: string | undefined;
  /** The name that the server's certificate must have, when it is not that of the host. */
  readonly hostname?: string | undefined;
  /** Whether the server has to prove itself. */
  readonly verifyPeer?: boolean | undefined;
}

type Refuse = (rule: string) => BlockError;
type Parameters = Map<string, string>;

const DEFAULT_HOST = 'localhost';

/** @throws {BlockError} `EINVAL` for what is no NBD URI, or one that cannot be followed here. */
export function parseNbdUri(uri: string): NbdUri {
  const refuse: Refuse = (rule) => new BlockError('EINVAL', `use ${JSON.stringify(uri)}`, rule);
  const match = /^([^:/?#]+):\/\/([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?(#.*)?$/s.exec(uri);
  if (!match) throw refuse('an NBD URI must be of the form nbd://host:port/export');
  const [, scheme = '', authority = '', name = '', query = '', fragment] = match;
  if (fragment !== undefined) throw refuse('a "#" in an NBD URI must be written as %23');
  const { isTls, isUnix } = parseScheme(scheme, refuse);
  const [, user, place = ''] = /^(?:([^@]*)@)?(.*)$/s.exec(authority) ?? [];
  const parameters = parseQuery(query, refuse);
  if (user !== undefined) addParameter(parameters, ['tls-username', decode(user, refuse)], refuse);

  const server = isUnix ? takeSocket(parameters, place, refuse) : parseHost(place, refuse);
  const exportName = decode(name, refuse);
  encodeText(exportName);
  const tls = isTls ? takeTls(parameters, refuse) : undefined;
  const [unknown] = parameters.keys();
  if (unknown === undefined) return { server, exportName, tls };
  throw refuse(whyNot(unknown));
}

function parseScheme(scheme: string, refuse: Refuse): { isTls: boolean; isUnix: boolean } {
  const [, secure, transport = ''] = /^nbd(s?)(\+.*)?$/is.exec(scheme) ?? [];
  const isUnix = transport.toLowerCase() === '+unix';
  if (secure !== undefined && (isUnix || transport === '')) return { isTls: secure !== '', isUnix };
  const rule = 'the scheme of an NBD URI must be nbd, nbds, nbd+unix or nbds+unix';
  const more = secure === undefined ? '' : '; other ways to a server are not supported';
  throw refuse(`${rule}${more}: ${scheme}`);
}

function decode(text: string, refuse: Refuse): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) throw refuse(`"%" must begin an octet of UTF-8: ${text}`);
    throw error;
  }
}

function parseQuery(query: string, refuse: Refuse): Parameters {
  const parameters: Parameters = new Map();
  for (const part of query.split('&').filter((text) => text !== '')) {
    const [key = '', ...value] = part.split('=').map((text) => decode(text, refuse));
    addParameter(parameters, [key.toLowerCase(), value.join('=')], refuse);
  }
  return parameters;
}

function addParameter(
  parameters: Parameters,
  [key, value]: readonly [string, string],
  refuse: Refuse,
): void {
  if (parameters.has(key)) throw refuse(`"${key}" must be given once`);
  if (value === '') throw refuse(`"${key}" must not be empty`);
  if (value.includes('\0')) throw refuse(`"${key}" must not contain NUL`);
  parameters.set(key, value);
}

function take(parameters: Parameters, key: string): string | undefined {
  const value = parameters.get(key);
  parameters.delete(key);
  return value;
}

function takeSocket(parameters: Parameters, place: string, refuse: Refuse): NbdUri['server'] {
  if (place !== '') throw refuse(`a Unix socket must be without host and port: ${place}`);
  const path = take(parameters, 'socket');
  if (path !== undefined) return { type: 'unix', path };
  throw refuse('a Unix socket must be given as in nbd+unix:///export?socket=path');
}

function parseHost(place: string, refuse: Refuse): NbdUri['server'] {
  const match = /^(?:\[(.*)\]|([^:[\]]*))(?::(\d*))?$/s.exec(place);
  if (!match) throw refuse(`an IPv6 address must be in brackets, and a port a number: ${place}`);
  const [, ipv6, name = '', digits = ''] = match;
  const port = digits === '' ? NBD_PORT : Number(digits);
  if (port < 1 || port > 65_535) throw refuse(`a port must be from 1 to 65535: ${digits}`);
  if (ipv6 === undefined) return { type: 'inet', host: decode(name, refuse) || DEFAULT_HOST, port };
  const [address = ''] = ipv6.split('%25');
  if (!URL.canParse(`http://[${address}]`)) throw refuse(`in brackets must be IPv6: ${ipv6}`);
  return { type: 'inet', host: decode(ipv6, refuse), port };
}

function takeTls(parameters: Parameters, refuse: Refuse): NbdUriTls {
  const type = take(parameters, 'tls-type');
  if (type !== undefined && type !== 'x509' && type !== 'psk') {
    throw refuse(`"tls-type" must be x509 or psk: ${type}`);
  }
  const verify = take(parameters, 'tls-verify-peer');
  const verifyPeer = verify === undefined ? undefined : BOOLEANS.get(verify.toLowerCase());
  if (verify !== undefined && verifyPeer === undefined) {
    throw refuse(`"tls-verify-peer" must be 1 or 0: ${verify}`);
  }
  return {
    type,
    certificates: take(parameters, 'tls-certificates'),
    pskFile: take(parameters, 'tls-psk-file'),
    username: take(parameters, 'tls-username'),
    hostname: take(parameters, 'tls-hostname'),
    verifyPeer,
  };
}

/** As libnbd reads them. */
const BOOLEANS = new Map([
  ...['1', 'true', 't', 'yes', 'y', 'on'].map((word) => [word, true] as const),
  ...['0', 'false', 'f', 'no', 'n', 'off'].map((word) => [word, false] as const),
]);

/** @returns Why a parameter that is left over is wrong. */
function whyNot(key: string): string {
  if (key === 'socket') return '"socket" must be with nbd+unix or nbds+unix';
  if (key.startsWith('tls-')) return `"${key}" must be one of TLS, with nbds or nbds+unix`;
  return `parameters must be known: "${key}"`;
}

/** Writes a URI that {@link parseNbdUri} reads as the same. */
export function formatNbdUri({ server, exportName, tls }: NbdUri): string {
  const verifyPeer = tls?.verifyPeer === undefined ? undefined : String(Number(tls.verifyPeer));
  const parameters = Object.entries({
    socket: server.type === 'unix' ? server.path : undefined,
    'tls-type': tls?.type,
    'tls-certificates': tls?.certificates,
    'tls-psk-file': tls?.pskFile,
    'tls-hostname': tls?.hostname,
    'tls-verify-peer': verifyPeer,
  }).flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${encode(value)}`]));
  const scheme = `nbd${tls ? 's' : ''}${server.type === 'unix' ? '+unix' : ''}`;
  const user = tls?.username === undefined ? '' : `${encodeURIComponent(tls.username)}@`;
  const query = parameters.length === 0 ? '' : `?${parameters.join('&')}`;
  return `${scheme}://${user}${formatHost(server)}/${encode(exportName)}${query}`;
}

function formatHost(server: NbdUri['server']): string {
  if (server.type === 'unix') return '';
  const { host, port } = server;
  const shown = host.includes(':') ? `[${host.replace('%', '%25')}]` : encodeURIComponent(host);
  return port === NBD_PORT ? shown : `${shown}:${port}`;
}

/** Escapes all but what may stand as it is; slashes may, and are read more easily. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll('%2F', '/');
}
