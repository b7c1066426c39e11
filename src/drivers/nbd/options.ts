/** The options of the NBD driver: QEMU's `BlockdevOptionsNbd`. */

import type { BlockError } from '../../base/errors.ts';
import { refuse } from '../../block/options.ts';
import type { SocketAddress } from '../../env/sockets.ts';
import { converted, optional, withDefault, withFeatures } from '../../wire/qapi/composites.ts';
import { str, uint32 } from '../../wire/qapi/scalars.ts';
import { socketAddress } from '../../wire/qapi/socket-address.ts';
import type { Type, ValueOf } from '../../wire/qapi/type.ts';

const PORT_MAX = 65_535;
const DIGITS = /^[0-9]{1,5}$/;
/** The longest time that a timer takes, in seconds. */
const SECONDS_MAX = 2_000_000;

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
  const number = DIGITS.test(port) ? Number(port) : 0;
  if (number >= 1 && number <= PORT_MAX) return { type: 'inet', host, port: number };
  const rule = `expects a port number from 1 to ${PORT_MAX}: "${port}"`;
  throw refuse(`Parameter '${path}.port' ${rule}`);
}

function unsupported(what: string): BlockError {
  return refuse(`Parameter '${what}' is not supported`);
}

const seconds: Type<number> = converted(uint32, (found, { name }) => {
  if (found <= SECONDS_MAX) return found;
  throw refuse(`Parameter '${name}' must not exceed ${SECONDS_MAX}: ${found}`);
});

/** By QEMU's names. */
export const nbdOptions = {
  server,
  /** The name of the export. */
  export: withDefault(str, ''),
  /** The id of TLS credentials; with it there is no speaking without TLS. */
  'tls-creds': optional(str),
  /** What the server's certificate must be for; by default the host of an inet address. */
  'tls-hostname': optional(str),
  /** A context whose status takes the place of that of "base:allocation". */
  'x-dirty-bitmap': withFeatures(optional(str), 'unstable'),
  /** How long requests wait for a server that was lost, in seconds. */
  'reconnect-delay': withDefault(seconds, 0),
  /** How long to go on trying to connect at first, in seconds; 0 for one attempt. */
  'open-timeout': withDefault(seconds, 0),
};
