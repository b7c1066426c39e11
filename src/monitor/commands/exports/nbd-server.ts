/** `nbd-server-start` and `nbd-server-stop`. */

import { BlockError } from '../../../base/errors.ts';
import { EMPTY } from '../../../wire/qapi/command.ts';
import { optional, struct } from '../../../wire/qapi/composites.ts';
import { str, uint32 } from '../../../wire/qapi/scalars.ts';
import { socketAddress } from '../../../wire/qapi/socket-address.ts';
import type { ValueOf } from '../../../wire/qapi/type.ts';
import { defineCommand, type MonitorContext } from '../../command.ts';
import {
  type AddressOrigin,
  listenAt,
  modernAddress,
  placeOf,
  socketAddressLegacy,
} from '../../sockets.ts';

const common = {
  'tls-creds': optional(str),
  'tls-authz': optional(str),
  'max-connections': optional(uint32),
};

/** How a command line starts the server: QEMU's NbdServerOptions. */
export const nbdServerOptions = struct('NbdServerOptions', { addr: socketAddress, ...common });

/**
 * Starts the NBD server of the machine.
 *
 * @throws {BlockError} `EBUSY` when there is one; else what cannot be had, with QEMU's text.
 */
export async function startNbdServer(
  { machine }: MonitorContext,
  options: ValueOf<typeof nbdServerOptions>,
  origin: AddressOrigin,
): Promise<void> {
  const { exports, credentials } = machine;
  if (exports.server) throw refuse('EBUSY', 'NBD server already running');
  if (options['tls-authz'] !== undefined) throw refuse('ENOTSUP', "'tls-authz' is not supported");
  const place = placeOf(options.addr, origin);
  const id = options['tls-creds'];
  const found = id === undefined ? undefined : credentials.find(id, 'server');
  const tls = found && { credentials: found, required: true };
  // As many as there may be are meant by 0.
  const connectionsMax = options['max-connections'] || undefined;
  const limits = connectionsMax === undefined ? {} : { connectionsMax };
  await listenAt(place, (address) => exports.start({ address, tls, limits }));
}

const start = defineCommand(
  {
    name: 'nbd-server-start',
    summary: 'Starts the NBD server, to which exports are added then',
    arguments: struct('q_obj_nbd-server-start-arg', { addr: socketAddressLegacy, ...common }),
    returns: EMPTY,
  },
  async (given, context) => {
    await startNbdServer(context, { ...given, addr: modernAddress(given.addr) }, 'monitor');
    return {};
  },
);

const stop = defineCommand(
  {
    name: 'nbd-server-stop',
    summary: 'Ends all connections, and removes all exports and the NBD server',
    arguments: EMPTY,
    returns: EMPTY,
  },
  async (_given, { machine: { exports } }) => {
    if (!exports.server) throw refuse('ENOTCONN', 'NBD server not running');
    await exports.stop();
    return {};
  },
);

/** The commands about the server itself. */
export const nbdServerCommands = { 'nbd-server-start': start, 'nbd-server-stop': stop };

function refuse(code: 'EBUSY' | 'ENOTCONN' | 'ENOTSUP', reason: string): BlockError {
  return new BlockError(code, 'use the NBD server', reason);
}
