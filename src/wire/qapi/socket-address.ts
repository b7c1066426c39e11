/** Where a socket is, as QEMU's options and commands have it. */

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
