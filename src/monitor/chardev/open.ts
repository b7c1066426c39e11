/** Opens the backends of chardevs. */

import { BlockError } from '../../base/errors.ts';
import type { Env } from '../../env/env.ts';
import type { Streams } from '../../env/streams.ts';
import type { TlsCredentialStore } from '../../machine/tls-credentials.ts';
import type { ChardevOptions, ChardevSocketOptions } from '../schema/chardev.ts';
import { type AddressOrigin, modernAddress, placeOf } from '../sockets.ts';
import type { ChardevBackend } from './chardev.ts';
import { ringBufferBackend } from './ring-buffer.ts';
import { singleBackend } from './single.ts';
import { socketClient } from './socket-client.ts';
import { socketProtocol } from './socket-protocol.ts';
import { socketServer } from './socket-server.ts';

/** What backends need of the world. */
export interface ChardevWorld {
  readonly env: Pick<Env, 'sockets' | 'clock'>;
  readonly streams: Streams;
  /** Tells the user of something that goes wrong later. */
  readonly report: (text: string) => void;
  /** What sockets under TLS prove themselves by. */
  readonly credentials: Pick<TlsCredentialStore, 'find'>;
  /** Whether standard input and output are those of a user. */
  readonly hasStdio: boolean;
}

/** Which backend is opened, and for whom. */
export interface ChardevOpening {
  readonly id: string;
  readonly options: ChardevOptions;
  readonly origin: AddressOrigin;
}

/** @throws {BlockError} With QEMU's text, for what cannot be opened or is not supported. */
export async function openBackend(
  world: ChardevWorld,
  opening: ChardevOpening,
): Promise<ChardevBackend> {
  const { options } = opening;
  const { logfile } = options.data;
  if (logfile !== undefined) throw unsupported('logfile');
  switch (options.type) {
    case 'null':
      return singleBackend('null');
    case 'stdio':
      if (!world.hasStdio) throw refuse('cannot use stdio with -daemonize');
      return singleBackend('stdio', world.streams.stdio());
    case 'file': {
      const { out: path, in: input, append } = options.data;
      return opened('file', path, () => world.streams.file({ path, input, append }));
    }
    case 'pipe': {
      const { device } = options.data;
      return opened('pipe', device, () => world.streams.pipe(device));
    }
    case 'ringbuf':
    case 'memory':
      return ringBufferBackend(options.type, options.data.size);
    case 'socket':
      return openSocket(world, options.data, opening);
    default:
      throw refuse(`'${options.type}' is not a valid char driver name`);
  }
}

function opened(
  type: string,
  path: string,
  open: () => ReturnType<Streams['pipe']>,
): ChardevBackend {
  try {
    return singleBackend(type, open());
  } catch (error) {
    if (!(error instanceof BlockError)) throw error;
    const reason = `Could not open '${path}': ${error.reason}`;
    throw new BlockError(error.code, `open "${path}"`, reason, { cause: error });
  }
}

/** What a socket cannot speak. */
const PROTOCOLS = ['tn3270', 'websocket', 'tls-authz'] as const;

async function openSocket(
  { env, report, credentials }: ChardevWorld,
  options: ChardevSocketOptions,
  { id, origin }: ChardevOpening,
): Promise<ChardevBackend> {
  const { addr, server: isServer = true, reconnect = 0, telnet } = options;
  const side = isServer ? 'server' : 'client';
  const tls = options['tls-creds'];
  const proofs = tls === undefined ? undefined : credentials.find(tls, side);
  demandTogether(options);
  const place = placeOf(modernAddress(addr), origin);
  const serverName = addr.type === 'inet' ? addr.data.host : undefined;
  const protocol = socketProtocol({ side, credentials: proofs, serverName, telnet });
  if (isServer) return socketServer(env.sockets, place, protocol);
  const onFailure = (reason: string) =>
    report(`Unable to connect character device ${id}: ${reason}`);
  const world = { sockets: env.sockets, timers: env.clock };
  return socketClient(world, { ...place, protocol, reconnectMs: reconnect * 1000, onFailure });
}

function demandTogether(options: ChardevSocketOptions): void {
  const { addr, server: isServer = true, wait, reconnect = 0 } = options;
  const isSecured = options['tls-creds'] !== undefined;
  if (addr.type === 'fd' && reconnect > 0) {
    throw refuse("'reconnect' option is incompatible with 'fd' address type");
  }
  if (isSecured && (addr.type === 'unix' || addr.type === 'vsock')) {
    throw refuse(`'tls_creds' option is incompatible with '${addr.type}' address type`);
  }
  if (options['tls-authz'] !== undefined && !isSecured) {
    throw refuse("'tls_authz' option requires 'tls_creds' option");
  }
  const role = isServer ? 'server listen' : 'client connect';
  if (!isServer && options.websocket) throw refuse('Websocket client is not implemented');
  const clash = isServer ? reconnect > 0 && 'reconnect' : wait !== undefined && 'wait';
  if (clash) throw refuse(`'${clash}' option is incompatible with socket in ${role} mode`);
  const protocol = PROTOCOLS.find((name) => options[name]);
  if (protocol) throw unsupported(protocol);
}

function unsupported(option: string): BlockError {
  return new BlockError('ENOTSUP', 'open a chardev', `'${option}' option is not supported`);
}

function refuse(reason: string): BlockError {
  return new BlockError('EINVAL', 'open a chardev', reason);
}
