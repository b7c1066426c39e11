/** How query-chardev names a socket. */

import { describeAddress, type InheritedSocket, type SocketAddress } from '../../env/sockets.ts';

export function formatSocket(address: SocketAddress | InheritedSocket): string {
  const where = describeAddress(address);
  switch (address.type) {
    case 'unix':
      return `unix:${where}`;
    case 'inet':
      return `tcp:${where}`;
    default:
      return where;
  }
}
