/** How query-chardev names a socket. */

import { describeAddress, type InheritedSocket, type SocketAddress } from '../../env/sockets.ts';
import type { SocketProtocol } from './socket-protocol.ts';

/** @param protocol What is spoken over TCP. */
export function formatSocket(
  address: SocketAddress | InheritedSocket,
  protocol: SocketProtocol['name'],
): string {
  const where = describeAddress(address);
  switch (address.type) {
    case 'unix':
      return `unix:${where}`;
    case 'inet':
      return `${protocol}:${where}`;
    default:
      return where;
  }
}
