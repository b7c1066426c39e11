/** The options of the NBD driver: QEMU's `BlockdevOptionsNbd`, and `multi-conn`. */

import type { BlockError } from '../../base/errors.ts';
import { refuse } from '../../block/options.ts';
import type { SocketAddress } from '../../env/sockets.ts';
import { TEXT_LENGTH_MAX } from '../../wire/nbd/constants.ts';
import { converted, optional, withDefault, withFeatures } from '../../wire/qapi/composites.ts';
import { str, uint32 } from '../../wire/qapi/scalars.ts';
import { portNumber, socketAddress } from '../../wire/qapi/socket-address.ts';
import type { Type, ValueOf } from '../../wire/qapi/type.ts';

/** The longest time that a timer takes, in seconds. */
const SECONDS_MAX = 2_000_000;
/** The most connections to one server: each has bounds of its own. */
const CONNECTIONS_MAX = 16;
/** A second makes up for what a socket cannot hold; more gain little (README.md). */
const CONNECTIONS_DEFAULT = 2;

type GivenAddress = ValueOf<typeof socketAddress>;
type InetAddress = Extract<GivenAddress, { readonly type: 'inet' }>;

/** An address to connect to; what may be given for one to listen at only has no meaning here. */
const server: Type<SocketAddress> = converted(socketAddress, (given, { path }) => {
  switch (given.type) {
    case 'unix':
      if (given.abstract) throw unsupported(`${path}.abstract`);
      return { type: 'unix', path: given.path };
    case 'inet':
      return inetAddress(given, path);
    default:
      throw unsupported(`${path}.type=${given.type}`);
  }
});

function inetAddress(given: InetAddress, path: string): SocketAddress {
  const { host, port, ipv4, ipv6 } = given;
  // One of them alone, or without the other, restricts the addresses of the host.
  if (ipv4 !== ipv6) throw unsupported(`${path}.${ipv4 === undefined ? 'ipv6' : 'ipv4'}`);
  if (given['keep-alive']) throw unsupported(`${path}.keep-alive`);
  if (given.mptcp) throw unsupported(`${path}.mptcp`);
  return { type: 'inet', host, port: portNumber({ host, port }) };
}

function unsupported(what: string): BlockError {
  return refuse(`Parameter '${what}' is not supported`);
}

function atMost(most: number): Type<number> {
  return converted(uint32, (found, { name }) => {
    if (found <= most) return found;
    throw refuse(`Parameter '${name}' must not exceed ${most}: ${found}`);
  });
}

const seconds = atMost(SECONDS_MAX);

/** A name that the protocol has room for. */
function nameOf(what: string): Type<string> {
  return converted(str, (found) => {
    if (Buffer.byteLength(found) <= TEXT_LENGTH_MAX) return found;
    throw refuse(`${what} too long to send to server`);
  });
}

/** By QEMU's names. */
export const nbdOptions = {
  server,
  /** The name of the export. */
  export: withDefault(nameOf('export name'), ''),
  /** The id of TLS credentials; with it there is no speaking without TLS. */
  'tls-creds': optional(str),
  /** What the server's certificate must be for; by default the host of an inet address. */
  'tls-hostname': optional(str),
  /** A context whose status takes the place of that of "base:allocation". */
  'x-dirty-bitmap': withFeatures(optional(nameOf('x-dirty-bitmap')), 'unstable'),
  /** How long requests wait for a server that was lost, in seconds. */
  'reconnect-delay': withDefault(seconds, 0),
  /** How long to go on trying to connect at first, in seconds; 0 for one attempt. */
  'open-timeout': withDefault(seconds, 0),
  /** How many connections to use at most, if the server lets a client have several. */
  'multi-conn': withDefault(atMost(CONNECTIONS_MAX), CONNECTIONS_DEFAULT),
};
