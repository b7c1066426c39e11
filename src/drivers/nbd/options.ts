/** The options of the NBD driver: QEMU's `BlockdevOptionsNbd`. */

import { BlockError } from '../../base/errors.ts';
import {
  oneOf,
  optional,
  readOptions,
  required,
  string,
  unsigned,
  withDefault,
} from '../../block/options.ts';
import type { SocketAddress } from '../../env/sockets.ts';

const PORT_MAX = 65_535;
const DIGITS = /^[0-9]{1,5}$/;
/** The longest time that a timer takes, in seconds. */
const SECONDS_MAX = 2_000_000;

/** By QEMU's names. */
export const nbdOptions = {
  /** `{ type: 'unix', path }`, or `{ type: 'inet', host, port }` with the port as a string. */
  server: required(socketAddress),
  /** The name of the export. */
  export: withDefault(string, ''),
  /** The id of TLS credentials; with it there is no speaking without TLS. */
  'tls-creds': optional(string),
  /** What the server's certificate must be for; by default the host of an inet address. */
  'tls-hostname': optional(string),
  /** How long requests wait for a server that was lost, in seconds. */
  'reconnect-delay': withDefault(seconds, 0),
  /** How long to go on trying to connect at first, in seconds; 0 for one attempt. */
  'open-timeout': withDefault(seconds, 0),
  /** A context whose status takes the place of that of "base:allocation". */
  'x-dirty-bitmap': optional(string),
};

const kindReaders = { type: required(oneOf('unix', 'inet')) };
const unixReaders = { ...kindReaders, path: required(string) };
const inetReaders = { ...kindReaders, host: required(string), port: required(port) };

/** An address as QEMU's `SocketAddress`. */
function socketAddress(value: unknown, name: string): SocketAddress {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw refuse(`Invalid parameter type for '${name}', expected: object`);
  }
  const given = { ...value };
  const prefix = `${name}.`;
  const type = 'type' in given ? given.type : undefined;
  const kind = kindReaders.type(type, `${prefix}type`);
  if (kind === 'unix') {
    const { path } = readOptions(unixReaders, given, prefix);
    return { type: 'unix', path };
  }
  const inet = readOptions(inetReaders, given, prefix);
  return { type: 'inet', host: inet.host, port: inet.port };
}

function port(value: unknown, name: string): number {
  const digits = string(value, name);
  const found = DIGITS.test(digits) ? Number(digits) : 0;
  if (found >= 1 && found <= PORT_MAX) return found;
  throw refuse(`Parameter '${name}' expects a port number from 1 to ${PORT_MAX}: "${digits}"`);
}

function seconds(value: unknown, name: string): number {
  const found = unsigned(value, name);
  if (found <= SECONDS_MAX) return found;
  throw refuse(`Parameter '${name}' must not exceed ${SECONDS_MAX}: ${found}`);
}

function refuse(reason: string): BlockError {
  return new BlockError('EINVAL', 'open the node', reason);
}
