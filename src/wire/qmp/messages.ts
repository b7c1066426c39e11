/**
 * The messages of QMP (`docs/interop/qmp-spec.rst`): what a client may ask, and what it is told.
 *
 *     server   {"QMP": {"version": ..., "capabilities": [...]}}                     once
 *     client   {"execute": name, "arguments": {...}, "id": any}                     or "exec-oob"
 *     server   {"return": any, "id": any}    {"error": {"class": ..., "desc": ...}, "id": any}
 *     server   {"event": name, "data": {...}, "timestamp": {...}}                   at any time
 */

import { BlockError } from '../../base/errors.ts';
import type { JsonItem } from './json-reader.ts';
import { isJsonObject, type JsonObject, type JsonValue } from './json-value.ts';
import { formatJson, type JsonStyle } from './json-writer.ts';
import { inMemberOrder } from './member-order.ts';

/** The classes of errors. All but the first are for those who must tell them apart. */
export type QmpErrorClass =
  | 'GenericError'
  | 'CommandNotFound'
  | 'DeviceNotActive'
  | 'DeviceNotFound'
  | 'KVMMissingCap';

/** What a client is told of a command that failed. */
export interface QmpError {
  readonly class: QmpErrorClass;
  readonly desc: string;
}

/** What is common to all that a client sends. */
interface Asked {
  /** To be given back with the answer, if there is one. */
  readonly id: JsonValue | undefined;
  /** It must be answered at once, before those that wait. */
  readonly outOfBand: boolean;
}

/** A command whose form is right, though nobody may know its name. */
export interface QmpCommand extends Asked {
  readonly kind: 'command';
  readonly name: string;
  readonly arguments: JsonObject;
}

/** What is no command, and what its sender is to be told. */
export interface QmpMistake extends Asked {
  readonly kind: 'mistake';
  readonly error: QmpError;
}

/** What was negotiated with a client. */
export interface QmpSession {
  /** The capability "oob", with which `exec-oob` may stand for `execute`. */
  readonly outOfBand: boolean;
}

/** Checks the form of what a client has sent. */
export function readRequest(item: JsonItem, session: QmpSession): QmpCommand | QmpMistake {
  if (item.kind === 'error') return mistake(item.error, NOTHING_ASKED);
  const { value } = item;
  if (!isJsonObject(value)) return mistake(refuse('must be a JSON object'), NOTHING_ASKED);
  const outOfBand = 'exec-oob' in value && !('execute' in value);
  const asked = { id: value['id'], outOfBand };
  try {
    return { kind: 'command', ...commandOf(value, session), ...asked };
  } catch (error) {
    if (!(error instanceof BlockError)) throw error;
    return mistake(error, asked);
  }
}

const NOTHING_ASKED: Asked = { id: undefined, outOfBand: false };

function mistake(error: BlockError, asked: Asked): QmpMistake {
  return { kind: 'mistake', error: genericError(error), ...asked };
}

/** @returns What a client is told of an error that has no class of its own. */
export function genericError({ reason }: BlockError): QmpError {
  return { class: 'GenericError', desc: reason };
}

type Execution = Pick<QmpCommand, 'name' | 'arguments'>;

function commandOf(request: JsonObject, session: QmpSession): Execution {
  let execution: { readonly member: string; readonly name: string } | undefined;
  let given: JsonObject = {};
  for (const [member, value] of inMemberOrder(Object.entries(request))) {
    if (member === 'execute' || (member === 'exec-oob' && session.outOfBand)) {
      if (typeof value !== 'string') throw refuse(`member '${member}' must be a string`);
      if (execution) throw refuse(`member '${member}' clashes with '${execution.member}'`);
      execution = { member, name: value };
    } else if (member === 'arguments') {
      if (!isJsonObject(value)) throw refuse("member 'arguments' must be an object");
      given = value;
    } else if (member !== 'id') {
      throw refuse(`member '${member}' is unexpected`);
    }
  }
  if (!execution) throw refuse("lacks member 'execute'");
  return { name: execution.name, arguments: given };
}

function refuse(what: string): BlockError {
  return new BlockError('EINVAL', 'read a QMP command', `QMP input ${what}`);
}

/** What a server says of itself. */
export interface QmpGreeting {
  readonly version: {
    readonly qemu: { readonly major: number; readonly minor: number; readonly micro: number };
    readonly package: string;
  };
  readonly capabilities: readonly string[];
}

/** @returns The first message of a connection. */
export function greeting({ version, capabilities }: QmpGreeting): JsonObject {
  const { major, minor, micro } = version.qemu; // In the order that QEMU puts them in.
  const numbers = { major, minor, micro };
  return { QMP: { version: { qemu: numbers, package: version.package }, capabilities } };
}

/** @returns The answer to a command that succeeded. */
export function success(value: JsonValue, id: JsonValue | undefined): JsonObject {
  return { return: value, ...(id !== undefined && { id }) };
}

/** @returns The answer to a command that failed, or to what was none. */
export function failure(error: QmpError, id: JsonValue | undefined): JsonObject {
  return { error: { ...error }, ...(id !== undefined && { id }) };
}

/** Something that has happened. */
export interface QmpEvent {
  readonly event: string;
  /** Of events that say more than their name. */
  readonly data?: JsonObject;
  /** UTC since 1970. */
  readonly timestamp: { readonly seconds: number; readonly microseconds: number };
}

/** @returns The message about an event. */
export function eventMessage({ event, data, timestamp }: QmpEvent): JsonObject {
  return { timestamp, event, ...(data && { data }) };
}

const encoder = new TextEncoder();

/** @returns A message as it goes over the wire: each line ends in a carriage return as well. */
export function encodeMessage(message: JsonObject, style?: JsonStyle): Uint8Array {
  const text = `${formatJson(message, style)}\n`;
  return encoder.encode(text.replaceAll('\n', '\r\n'));
}
