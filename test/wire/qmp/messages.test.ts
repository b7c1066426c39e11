import { describe, expect, it } from 'vitest';
import { parseError } from '../../../src/wire/qmp/json-errors.ts';
import { parseJson } from '../../../src/wire/qmp/json-reader.ts';
import type { JsonObject } from '../../../src/wire/qmp/json-value.ts';
import {
  encodeMessage,
  eventMessage,
  failure,
  greeting,
  type QmpCommand,
  type QmpMistake,
  readRequest,
  success,
} from '../../../src/wire/qmp/messages.ts';

function request(text: string, { outOfBand = false } = {}): QmpCommand | QmpMistake {
  return readRequest({ kind: 'value', value: parseJson(text) }, { outOfBand });
}

function text(message: JsonObject): string {
  return new TextDecoder().decode(encodeMessage(message));
}

function mistake(desc: string, id?: number) {
  return { kind: 'mistake', error: { class: 'GenericError', desc }, id, outOfBand: false };
}

describe('a request', () => {
  it('names a command, and may have arguments and an id', () => {
    expect(request('{"execute": "quit"}')).toEqual({
      kind: 'command',
      name: 'quit',
      arguments: {},
      id: undefined,
      outOfBand: false,
    });
    expect(request('{"id": [null], "arguments": {"a": 1}, "execute": "x"}')).toEqual({
      kind: 'command',
      name: 'x',
      arguments: { a: 1 },
      id: [null],
      outOfBand: false,
    });
  });

  it('may be out of band where that was negotiated', () => {
    const urgent = '{"exec-oob": "migrate-pause", "id": 1}';
    expect(request(urgent, { outOfBand: true })).toEqual({
      kind: 'command',
      name: 'migrate-pause',
      arguments: {},
      id: 1,
      outOfBand: true,
    });
    expect(request(urgent)).toEqual({
      ...mistake("QMP input member 'exec-oob' is unexpected", 1),
      outOfBand: true,
    });
  });

  it.each([
    ['[]', 'QMP input must be a JSON object', undefined],
    ['{}', "QMP input lacks member 'execute'", undefined],
    ['{"id": 5}', "QMP input lacks member 'execute'", 5],
    ['{"execute": 1, "id": 5}', "QMP input member 'execute' must be a string", 5],
    [
      '{"execute": "x", "arguments": []}',
      "QMP input member 'arguments' must be an object",
      undefined,
    ],
    ['{"execute": "x", "control": {}}', "QMP input member 'control' is unexpected", undefined],
    ['{"foo": 1, "execute": 1}', "QMP input member 'execute' must be a string", undefined],
    ['{"execute": 1, "id2": 1}', "QMP input member 'id2' is unexpected", undefined],
  ])('that is none is refused as QEMU refuses it, with its id: %s', (given, desc, id) => {
    expect(request(given)).toEqual(mistake(desc, id));
  });

  it('has one name only', () => {
    const both = request('{"execute": "a", "exec-oob": "b"}', { outOfBand: true });
    expect(both).toEqual(mistake("QMP input member 'execute' clashes with 'exec-oob'"));
  });

  it('is a mistake without an id where it is no JSON', () => {
    const error = parseError('expecting value');
    expect(readRequest({ kind: 'error', error }, { outOfBand: false })).toEqual(
      mistake('JSON parse error, expecting value'),
    );
  });
});

describe('a message of the server', () => {
  it('is the greeting', () => {
    const qemu = { micro: 22, major: 7, minor: 2 };
    const message = greeting({ version: { package: 'p', qemu }, capabilities: ['oob'] });
    expect(text(message)).toBe(
      '{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "p"}, ' +
        '"capabilities": ["oob"]}}\r\n',
    );
  });

  it('is an answer, with the id of what it answers', () => {
    expect(text(success({}, undefined))).toBe('{"return": {}}\r\n');
    expect(text(success([1], null))).toBe('{"return": [1], "id": null}\r\n');
    const error = { class: 'DeviceNotFound', desc: 'gone' } as const;
    expect(text(failure(error, undefined))).toBe(
      '{"error": {"class": "DeviceNotFound", "desc": "gone"}}\r\n',
    );
    expect(text(failure(error, 'a'))).toBe(
      '{"id": "a", "error": {"class": "DeviceNotFound", "desc": "gone"}}\r\n',
    );
  });

  it('is an event, with the time at which it happened', () => {
    const timestamp = { seconds: 1, microseconds: 500062 };
    expect(text(eventMessage({ event: 'STOP', timestamp }))).toBe(
      '{"timestamp": {"seconds": 1, "microseconds": 500062}, "event": "STOP"}\r\n',
    );
    expect(text(eventMessage({ event: 'A', data: { x: 1 }, timestamp }))).toBe(
      '{"timestamp": {"seconds": 1, "microseconds": 500062}, "event": "A", "data": {"x": 1}}\r\n',
    );
  });

  it('ends each of its lines in a carriage return, if it is pretty', () => {
    const bytes = encodeMessage({ return: {} }, { pretty: true });
    expect(Buffer.from(bytes).toString()).toBe('{\r\n    "return": {\r\n    }\r\n}\r\n');
  });
});
