/**
 * What QEMU's names of images stand for: a path, a URI, or the options of nodes as JSON.
 *
 *     disk.img    ./a:b    file:a:b         a file; a colon before the first slash ends a protocol
 *     nbd://host/export    nbd+unix:///export?socket=path         an NBD export
 *     nbd:host:port[:exportname=NAME]    nbd:unix:path[:...]      the same, as it was once written
 *     null-co://
 *     json:{"driver": "raw", "file": {...}}
 *
 * Options are given as texts, as on a command line.
 */

import { BlockError } from '../base/errors.ts';
import { parseNbdUri } from '../wire/nbd/uri.ts';
import { parseJson } from '../wire/qmp/json-reader.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../wire/qmp/json-value.ts';
import { nbdOptions } from './image-options.ts';
import type { TlsCredentialStore } from './tls-credentials.ts';

const JSON_PREFIX = 'json:';

/** Whether a name is no name, but options. */
export function isJsonName(filename: string): boolean {
  return filename.startsWith(JSON_PREFIX);
}

/** @throws {BlockError} `EINVAL` for what is no JSON of an object. */
export function optionsOfJsonName(filename: string): JsonObject {
  let value: JsonValue;
  try {
    value = parseJson(filename.slice(JSON_PREFIX.length));
  } catch (error) {
    if (!(error instanceof BlockError)) throw error;
    throw refuse(`Could not parse the JSON options: ${error.reason}`);
  }
  if (!isJsonObject(value)) throw refuse('Invalid JSON object given');
  return textsOf(value);
}

/**
 * The options of the node that has the bytes of a file by that name.
 *
 * @throws {BlockError} `EINVAL` for a protocol that there is not here.
 */
export async function protocolOptions(
  filename: string,
  credentials: TlsCredentialStore,
): Promise<JsonObject> {
  const [, protocol] = /^([^/:]*):/.exec(filename) ?? [];
  const rest = filename.slice((protocol?.length ?? -1) + 1);
  switch (protocol) {
    case undefined:
      return { driver: 'file', filename };
    case 'file':
      return { driver: 'file', filename: rest };
    case 'null-co':
    case 'null-aio':
      if (rest === '//') return { driver: protocol };
      throw refuse(`The only allowed filename for this driver is '${protocol}://'`);
    case 'nbd':
      if (!rest.startsWith('//')) return oldNbdOptions(rest);
      break;
    case 'nbds':
    case 'nbd+tcp':
    case 'nbd+unix':
    case 'nbds+unix':
      break;
    default:
      throw refuse(`Unknown protocol '${protocol}'`);
  }
  const uri = parseNbdUri(filename.replace(/^nbd\+tcp:/, 'nbd:'));
  // BlockdevOptions of what was just made have nothing that is no JSON.
  return textsOf((await nbdOptions(uri, credentials)) as unknown as JsonObject);
}

function oldNbdOptions(text: string): JsonObject {
  const [, place = '', name] = /^(.*?)(?::exportname=(.*))?$/s.exec(text) ?? [];
  const named = name === undefined ? {} : { export: name };
  if (place.startsWith('unix:')) {
    const path = place.slice('unix:'.length);
    return { driver: 'nbd', server: { type: 'unix', path }, ...named };
  }
  const [, bracketed, plain = '', port] = /^(?:\[(.*)\]|(.*)):([^:]*)$/s.exec(place) ?? [];
  if (place === '') throw refuse('NBD server address missing');
  if (port === undefined) throw refuse(`error parsing address '${place}'`);
  return { driver: 'nbd', server: { type: 'inet', host: bracketed ?? plain, port }, ...named };
}

/** The same options with every scalar as a text. */
function textsOf(options: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [name, textOf(value)]));
}

function textOf(value: JsonValue): JsonValue {
  if (Array.isArray(value)) {
    const elements: readonly JsonValue[] = value;
    return elements.map(textOf);
  }
  if (isJsonObject(value)) return textsOf(value);
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return value === null ? '' : `${value}`;
}

function refuse(reason: string): BlockError {
  return new BlockError('EINVAL', 'open the image', reason);
}
