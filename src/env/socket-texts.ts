/** What QEMU says when a socket cannot be had. */

import { BlockError } from '../base/errors.ts';
import { describeAddress, type InheritedSocket, type SocketAddress } from './sockets.ts';

/** Connects. @param connect To that address. @throws {BlockError} With QEMU's text. */
export async function connectTo<T>(
  address: SocketAddress | InheritedSocket,
  connect: () => Promise<T>,
): Promise<T> {
  try {
    return await connect();
  } catch (error) {
    throw retold(error, address, 'connect to', ({ reason }) => {
      return `Failed to connect to '${plainName(address)}': ${reason}`;
    });
  }
}

/**
 * @param verb What could not be done with the address, as in {@link BlockError}.
 * @returns The error with QEMU's text, unless it is one that says all by itself.
 */
export function retold(
  error: unknown,
  address: SocketAddress | InheritedSocket,
  verb: string,
  text: (error: BlockError) => string,
): unknown {
  if (!(error instanceof BlockError)) return error;
  const { code, reason } = error;
  // That it is no socket, or that there is a server already.
  if (reason.startsWith('File descriptor') || code === 'EBUSY') return error;
  const action = `${verb} "${describeAddress(address)}"`;
  const tell = (told: string, hint?: string) => {
    const options = { cause: error, told, ...(hint !== undefined && { hint }) };
    return new BlockError(code, action, reason, options);
  };
  if (code === 'EHOSTUNREACH' && address.type === 'inet' && isLookup(error)) {
    return tell(`address resolution failed for ${plainName(address)}: ${reason}`);
  }
  if (code === 'ENAMETOOLONG' && address.type === 'unix') {
    const hint = 'Path must be less than 108 bytes';
    return tell(`UNIX socket path '${address.path}' is too long`, hint);
  }
  return tell(text(error));
}

function isLookup({ cause }: BlockError): boolean {
  return cause instanceof Error && 'syscall' in cause && cause.syscall === 'getaddrinfo';
}

/** Host and port as QEMU's messages have them, without brackets. */
function plainName(address: SocketAddress | InheritedSocket): string {
  if (address.type === 'inet') return `${address.host}:${address.port}`;
  return address.type === 'unix' ? address.path : String(address.descriptor);
}
