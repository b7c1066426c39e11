/** What `mirrordisk qmp` does once it is connected: one command, or those that are typed. */

import { BlockError } from '../base/errors.ts';
import type { SocketAddress } from '../env/sockets.ts';
import { QmpClient } from '../monitor/client.ts';
import { MonitorError } from '../monitor/command.ts';
import { ServerSchema } from '../monitor/server-schema.ts';
import { parseWords } from '../wire/options/keyval.ts';
import { parseJson } from '../wire/qmp/json-reader.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../wire/qmp/json-value.ts';
import { formatJson } from '../wire/qmp/json-writer.ts';
import type { CommandIo, ExitCode } from './command.ts';
import { completeLine } from './qmp-completion.ts';
import { splitWords } from './shell-words.ts';

export interface QmpPlan {
  readonly address: SocketAddress;
  /** A command and its arguments, or one JSON object; none to read them from standard input. */
  readonly words: readonly string[];
  /** Print events until this one has come, after the command. */
  readonly wait: string | undefined;
  /** Print each answer and event on one line. */
  readonly json: boolean;
}

/** @throws {BlockError} When there is nobody to talk to, or nobody any more. */
export async function runQmp(plan: QmpPlan, io: CommandIo): Promise<ExitCode> {
  const client = await QmpClient.connect(io.env, plan.address);
  const release = io.onInterrupt(() => client.close());
  try {
    const schema = await schemaOf(client);
    const print = (value: JsonValue) => formatJson(value, { pretty: !plan.json });
    if (plan.words.length === 0) return await converse(client, { schema, print }, io);
    io.out(print(await execute(client, schema, plan.words)));
    if (plan.wait !== undefined) await waitFor(plan.wait, client, (line) => io.out(print(line)));
    return 0;
  } catch (error) {
    if (!(error instanceof MonitorError)) throw error;
    io.err(refusal(error));
    return 1;
  } finally {
    release();
    client.close();
  }
}

/** @returns What the server says of its commands; nothing where it is too old to say. */
async function schemaOf(client: QmpClient): Promise<ServerSchema> {
  try {
    return new ServerSchema(await client.execute('query-qmp-schema'));
  } catch (error) {
    if (error instanceof MonitorError) return new ServerSchema([]);
    throw error;
  }
}

/** @throws {BlockError} `EINVAL` for words that make no command. */
function execute(
  client: QmpClient,
  schema: ServerSchema,
  [name = '', ...given]: readonly string[],
): Promise<JsonValue> {
  if (name.startsWith('{')) {
    const request = parseJson([name, ...given].join(' '));
    if (!isJsonObject(request)) throw badCommand('a command is a JSON object', name);
    return client.send(request);
  }
  return client.execute(name, schema.argumentsOf(name, parseWords(given)));
}

async function waitFor(
  name: string,
  client: QmpClient,
  print: (event: JsonObject) => void,
): Promise<void> {
  for await (const event of client.events) {
    print(event);
    if (event['event'] === name) return;
  }
  throw new BlockError('ECONNRESET', `wait for ${name}`, 'the connection has ended');
}

interface Manner {
  readonly schema: ServerSchema;
  print(value: JsonValue): string;
}

/** Commands as they are typed, and events as they come. @returns 1 when one was refused. */
async function converse(
  client: QmpClient,
  { schema, print }: Manner,
  io: CommandIo,
): Promise<ExitCode> {
  const input = io.readLines({
    prompt: '(QMP) ',
    complete: (line) => completeLine(line, schema),
  });
  const hearing = (async () => {
    for await (const event of client.events) input.say(print(event));
    input.close();
  })();
  let code: ExitCode = 0;
  for await (const line of input.lines) {
    const words = line.trimStart().startsWith('{') ? [line] : splitWords(line);
    if (words?.length === 0) continue;
    if (words?.length === 1 && words[0] === 'exit') break;
    try {
      if (!words) throw badCommand('a quote does not end', line);
      input.say(print(await execute(client, schema, words)));
    } catch (error) {
      if (error instanceof BlockError && error.code !== 'EINVAL') throw error;
      if (!(error instanceof BlockError || error instanceof MonitorError)) throw error;
      io.err(error instanceof MonitorError ? refusal(error) : error.message);
      code = 1;
    }
  }
  input.close();
  client.close();
  await hearing;
  return code;
}

function refusal({ class: name, message }: MonitorError): string {
  return `${name}: ${message}`;
}

function badCommand(rule: string, value: string): BlockError {
  return new BlockError('EINVAL', 'read the command', `${rule}: ${value}`);
}
