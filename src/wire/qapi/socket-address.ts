/** Where a socket is, as QEMU's options and commands have it. */

import { BlockError } from '../../base/errors.ts';
import { enumeration, optional, struct, union } from './composites.ts';
import { bool, str, uint16 } from './scalars.ts';

export const inetSocketAddress = struct('InetSocketAddress', {
  host: str,
  port: str,
  numeric: optional(bool),
  to: optional(uint16),
  ipv4: optional(bool),
  ipv6: optional(bool),
  'keep-alive': optional(bool),
  mptcp: optional(bool),
});

export const unixSocketAddress = struct('UnixSocketAddress', {
  path: str,
  abstract: optional(bool),
  tight: optional(bool),
});

export const vsockSocketAddress = struct('VsockSocketAddress', { cid: str, port: str });

/** The name of a descriptor, or its number. */
export const fdSocketAddress = struct('String', { str });

export const socketAddressType = enumeration('SocketAddressType', ['inet', 'unix', 'vsock', 'fd']);

/** QEMU's SocketAddress. */
export const socketAddress = union('SocketAddress', {
  members: { type: socketAddressType },
  tag: 'type',
  branches: {
    inet: inetSocketAddress,
    unix: unixSocketAddress,
    vsock: vsockSocketAddress,
    fd: fdSocketAddress,
  },
});

const PORT_MAX = 65_535;

/** @throws {BlockError} `EINVAL`, with QEMU's text, for a port that is no number. */
export function portNumber({
  host,
  port,
}: {
  readonly host: string;
  readonly port: string;
}): number {
  const number = /^\d+$/.test(port) ? Number(port) : Infinity;
  if (number <= PORT_MAX) return number;
  const where = `address resolution failed for ${host}:${port}`;
  const reason = `${where}: Servname not supported for ai_socktype`;
  throw new BlockError('EINVAL', 'use a socket', reason);
}
