/** Commands of other programs that use a disk that is served, ready for a shell. */

import type { SocketAddress } from '../env/sockets.ts';

/** A disk that is served. */
export interface Offer {
  readonly uri: string;
  readonly address: SocketAddress;
  readonly exportName: string;
  /** Clients need TLS, and so files of theirs, which are not known here. */
  readonly isSecure: boolean;
}

/** @returns Commands, one a line; none under TLS. */
export function clientCommands({ uri, address, exportName, isSecure }: Offer): readonly string[] {
  if (isSecure) return [];
  // A comma would end the option; in a URI there is none, for it is escaped.
  const drive = `file=${uri},format=raw,if=virtio`;
  const place =
    address.type === 'unix'
      ? `-unix ${quote(address.path)} /dev/nbd0`
      : `${quote(address.host)} ${address.port} /dev/nbd0`;
  const name = exportName === '' ? '' : ` -name ${quote(exportName)}`;
  return [
    `qemu-system-x86_64 -drive ${quote(drive)}`,
    `nbdinfo ${quote(uri)}`,
    `nbd-client ${place}${name}`,
  ];
}

/** Writes a word as a shell takes it for what it is. */
function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
