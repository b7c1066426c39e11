import { spawnSync } from 'node:child_process';
import { describe, expect } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { JsonReader } from '../../src/wire/qmp/json-reader.ts';
import type { JsonObject } from '../../src/wire/qmp/json-value.ts';
import type { JsonStyle } from '../../src/wire/qmp/json-writer.ts';
import {
  encodeMessage,
  failure,
  greeting,
  type QmpGreeting,
  readRequest,
} from '../../src/wire/qmp/messages.ts';
import { interop, type Tool } from '../support/tools.ts';

const { it } = interop('qemu-storage-daemon');

const UNKNOWN = 'no-such-command';
const TIMEOUT_MS = 60_000;
const OUTPUT_MAX = 64 * 1024 * 1024;
const PIECE_LENGTH = 7;

/** All that the daemon writes at its monitor. */
function talk(daemon: Tool, input: Uint8Array, monitor = 'chardev=m'): string {
  const args = ['--chardev', 'stdio,id=m', '--monitor', monitor];
  const settings = { input, timeout: TIMEOUT_MS, maxBuffer: OUTPUT_MAX, encoding: 'utf8' } as const;
  const { status, stdout, stderr, error } = spawnSync(daemon.path, args, settings);
  if (status !== 0) throw error ?? new Error(`Cannot talk to the daemon: ${status}: ${stderr}`);
  return stdout;
}

function latin1(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

/** What the daemon answers to requests that it does not know, or that are none. */
function theirs(daemon: Tool, input: Uint8Array): string {
  const begin = latin1('{"execute": "qmp_capabilities"}');
  const end = latin1('{"execute": "quit"}');
  const lines = talk(daemon, Buffer.concat([begin, input, end])).split(/(?<=\n)/);
  return lines.slice(2, -1).join('');
}

/** The same of our own, however the bytes come. */
function ours(input: Uint8Array): string {
  const reader = new JsonReader();
  const answers: Uint8Array[] = [];
  for (let at = 0; at < input.length; at += PIECE_LENGTH) {
    for (const item of reader.read(input.subarray(at, at + PIECE_LENGTH))) {
      const request = readRequest(item, { outOfBand: false });
      const unknown = `The command ${UNKNOWN} has not been found`;
      const error =
        request.kind === 'mistake'
          ? request.error
          : ({ class: 'CommandNotFound', desc: unknown } as const);
      answers.push(encodeMessage(failure(error, request.id)));
    }
  }
  return Buffer.concat(answers).toString();
}

/** Demands that both answer the same to each of some texts, a byte for each character. */
function expectTheSame(daemon: Tool, texts: readonly string[]): void {
  const parts = texts.map((text, index) => `${text}\n\xff\n${echo(`"#${index}"`)}`);
  const input = latin1(parts.join(''));
  const [theirAnswers, ourAnswers] = [theirs(daemon, input), ours(input)].map((answers) => {
    const each = answers.split(/\{"id": "#\d+", .*\r\n/);
    return texts.map((text, index) => [text, each[index]]);
  });
  expect(ourAnswers).toEqual(theirAnswers);
}

/** A command that is not known, by which an id comes back. */
function echo(id: string): string {
  return `{"execute": "${UNKNOWN}", "id": ${id}}`;
}

const NUMBERS = [
  ...['0', '-0', '-0.0', '1', '9007199254740993', '18446744073709551615', '18446744073709551616'],
  ...['-9223372036854775808', '-9223372036854775809', '0.1', '1e400', '-1e400', '1E5', '1e-7'],
  ...['5e-324', '1e17', '99999999999999990.0', '1125899906842624.25', '1125899906842624.75'],
  ...['01', '1.', '1.e5', '.5', '+1', '-', '--1', '0e1', '1e+5x', '1x', 'NaN'],
];
const STRINGS = [
  ...["'a\\'b\"'", '"\\"\\\'\\\\\\/\\b\\f\\n\\r\\t"', '"\\u0000\\u001f\\u007f\x7f%d"'],
  ...['"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"', '"\\ud83d\\ude00"', '"\xc0\x80"', '"\xc0\xaf"'],
  ...['"\\ud83d"', '"\\ud83dx"', '"\\ud83d\\u0041"', '"\\ud83f\\udffe"', '"\\ude00"', '"\\uffff"'],
  ...['"\\u12"', '"\\uzz"', '"\\u123\xc3\xa9"', '"\\q"', '"\xff"', '"\xed\xa0\x80"', '"\xc3("'],
  ...['"\x01"', '"\t"', '"open', '"\\'],
];
const OTHERS = [
  ...['{"z": 1, "a": {}, "m": []}', '{"a": 1, "a": 2}', '{"\\u00e9": 1, "\xf0\x9f\x98\x80": 2}'],
  ...['{"major": 1, "minor": 2, "micro": 3}', '{"micro": 1, "minor": 2}', '[1, [null, [true]]]'],
  ...['nul', '[1,]', '[1 2]', '[1}', '{1: 2}', '{"a" 1}', '{"a": }', '{"a": 1,}', '}', ']', ':'],
  ...['@ x', '%d', '/* c */ {}', '\x00', '\xfe', '\xe2\x82', '[1 @ 2]', 'a'.repeat(2000)],
];
const REQUESTS = [
  ...[
    '[]',
    '{}',
    '1',
    '"x"',
    '{"execute": 1}',
    '{"exec-oob": "a"}',
    '{"id": 5}',
    '{"a": 1, "id": 2}',
  ],
  ...[
    `{"execute": "${UNKNOWN}", "arguments": 1}`,
    '{"foo": 1, "execute": 1, "id": null}',
    '{}{}[]',
  ],
];

describe('the JSON of a QMP server', () => {
  it('is read and written as the daemon does', async (daemon) => {
    const values = [...NUMBERS, ...STRINGS, ...OTHERS];
    expectTheSame(daemon, [...values.map(echo), ...values, ...REQUESTS]);
  });

  it('is so whatever the bytes are', async (daemon) => {
    const random = seededRandom(1);
    const characters = [...'{{}}[[]]:::,,,"""\'\'\\u0dtrue1-.e \n\t@\xff\xc3\xa9\x00'];
    const pick = () => characters[random.below(characters.length)];
    const texts = Array.from({ length: 3000 }, () =>
      Array.from({ length: 1 + random.below(24) }, pick).join(''),
    );
    expectTheSame(daemon, texts);
  });

  it('has doubles as the daemon prints them', async (daemon) => {
    const random = seededRandom(2);
    const word = () => random.uint32();
    const bits = Array.from({ length: 500 }, () => new Uint32Array([word(), word()]));
    const doubles = bits.map(({ buffer }) => new Float64Array(buffer)[0] as number);
    const halves = Array.from({ length: 100 }, () => word() * 2 ** 18 + 2 ** 49 + 0.25);
    const decimals = Array.from({ length: 100 }, () => word() / 10 ** random.below(12));
    const finite = [...doubles, ...halves, ...decimals].filter(Number.isFinite);
    expectTheSame(daemon, finite.map(String).map(echo));
  });

  it('is limited in depth and in tokens', async (daemon) => {
    const deep = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
    expectTheSame(daemon, [deep(1024), `${'{"a":'.repeat(1025)}{}`, `[${'1,'.repeat(2 ** 20)}]`]);
  });

  it('is pretty where that is asked for', async (daemon) => {
    const input = latin1(
      '{"execute": "qmp_capabilities", "id": [[], {}, {"a": 1}]}{"execute": "quit"}',
    );
    const plain = talk(daemon, input);
    const pretty = talk(daemon, input, 'chardev=m,pretty=on');
    expect(written(plain)).toBe(plain);
    expect(written(plain, { pretty: true })).toBe(pretty);
  });
});

/** Reads what the daemon has written, and writes it again. */
function written(messages: string, style?: JsonStyle): string {
  const bytes = new JsonReader().read(Buffer.from(messages)).map((item) => {
    if (item.kind === 'error') throw item.error;
    const message = item.value as JsonObject; // As all messages of QMP are.
    const isFirst = 'QMP' in message;
    return encodeMessage(isFirst ? greeting(greetingOf(message)) : message, style);
  });
  return Buffer.concat(bytes).toString();
}

function greetingOf({ QMP }: JsonObject): QmpGreeting {
  return QMP as unknown as QmpGreeting; // Or what is written is not what was read.
}
