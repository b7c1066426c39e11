/** Sockets as options and commands name them, and what QEMU says when they cannot be had. */

import { BlockError } from '../base/errors.ts';
import { retold } from '../env/socket-texts.ts';
import type { InheritedSocket, SocketAddress } from '../env/sockets.ts';
import { struct, union } from '../wire/qapi/composites.ts';
import {
  fdSocketAddress,
  inetSocketAddress,
  portNumber,
  type socketAddress,
  socketAddressType,
  unixSocketAddress,
  vsockSocketAddress,
} from '../wire/qapi/socket-address.ts';
import type { ValueOf } from '../wire/qapi/type.ts';

type GivenAddress = ValueOf<typeof socketAddress>;
type InetAddress = Extract<GivenAddress, { readonly type: 'inet' }>;

/** QEMU's SocketAddressLegacy: what an address consists of is in a member of its own. */
export const socketAddressLegacy = union('SocketAddressLegacy', {
  members: { type: socketAddressType },
  tag: 'type',
  branches: {
    inet: struct('InetSocketAddressWrapper', { data: inetSocketAddress }),
    unix: struct('UnixSocketAddressWrapper', { data: unixSocketAddress }),
    vsock: struct('VsockSocketAddressWrapper', { data: vsockSocketAddress }),
    fd: struct('StringWrapper', { data: fdSocketAddress }),
  },
});

/** @returns The same address as it is written where there is no legacy. */
export function modernAddress(legacy: ValueOf<typeof socketAddressLegacy>): GivenAddress {
  switch (legacy.type) {
    case 'inet':
      return { type: 'inet', ...legacy.data };
    case 'unix':
      return { type: 'unix', ...legacy.data };
    case 'vsock':
      return { type: 'vsock', ...legacy.data };
    default:
      return { type: 'fd', ...legacy.data };
  }
}

/** Who names a socket; only the command line is given descriptors. */
export type AddressOrigin = 'command line' | 'monitor';

/** Where a socket is, or may be. */
export interface SocketPlace {
  readonly address: SocketAddress | InheritedSocket;
  /** The last of the ports that are tried, in their order. @default Only that of the address. */
  readonly lastPort?: number | undefined;
}

/** @throws {BlockError} `EINVAL` for what is no address, `ENOTSUP` for what is not to be had. */
export function placeOf(given: GivenAddress, origin: AddressOrigin): SocketPlace {
  switch (given.type) {
    case 'unix':
      if (given.abstract) throw unsupported('Abstract Unix sockets');
      return { address: { type: 'unix', path: given.path } };
    case 'inet':
      return inetPlace(given);
    case 'fd':
      if (origin === 'monitor') throw refuse('only QEMU supports file descriptor passing');
      if (!/^\d+$/.test(given.str)) throw refuse(`Unable to parse FD number ${given.str}`);
      return { address: { type: 'fd', descriptor: Number(given.str) } };
    default:
      throw unsupported('Sockets of virtual machines');
  }
}

function inetPlace({ host, port, to, ipv4, ipv6, mptcp }: InetAddress): SocketPlace {
  // One of them without the other restricts what a name may lead to.
  if (ipv4 !== ipv6 && /[g-z]/i.test(host)) throw unsupported("Names with 'ipv4' or 'ipv6'");
  if (mptcp) throw unsupported("Connections with 'mptcp'");
  return { address: { type: 'inet', host, port: portNumber({ host, port }) }, lastPort: to };
}

/**
 * Listens at the first port that is free.
 *
 * @param listen Listens at an address. @throws {BlockError} What it throws, with QEMU's text.
 */
export async function listenAt<T>(
  { address, lastPort }: SocketPlace,
  listen: (address: SocketAddress | InheritedSocket) => Promise<T>,
): Promise<T> {
  if (address.type !== 'inet' || lastPort === undefined) return listenOnce(address, listen);
  for (let { port } = address; port < lastPort; port += 1) {
    try {
      return await listen({ ...address, port });
    } catch (error) {
      if (!(error instanceof BlockError) || error.code !== 'EADDRINUSE') throw error;
    }
  }
  return listenOnce({ ...address, port: lastPort }, listen);
}

async function listenOnce<T>(
  address: SocketAddress | InheritedSocket,
  listen: (address: SocketAddress | InheritedSocket) => Promise<T>,
): Promise<T> {
  try {
    return await listen(address);
  } catch (error) {
    throw retold(error, address, 'listen on', ({ code, reason }) => {
      if (address.type === 'unix') return `Failed to bind socket to ${address.path}: ${reason}`;
      if (address.type === 'fd') return `Failed to listen on fd socket: ${reason}`;
      const isInUse = code === 'EADDRINUSE';
      return `Failed to ${isInUse ? 'find an available port' : 'bind socket'}: ${reason}`;
    });
  }
}

function unsupported(what: string): BlockError {
  return new BlockError('ENOTSUP', 'use a socket', `${what} are not supported`);
}

function refuse(reason: string): BlockError {
  return new BlockError('EINVAL', 'use a socket', reason);
}
