/**
 * Lines that somebody types, or that come from a file.
 *
 * On a terminal they are asked for with a prompt, can be edited, completed and recalled; what is
 * said meanwhile appears above the line that is being typed.
 */

import { clearLine, createInterface, cursorTo } from 'node:readline';

export interface LineOptions {
  readonly prompt: string;
  /** @returns What the line so far may go on with, and which part of it that would replace. */
  complete(line: string): { readonly choices: readonly string[]; readonly part: string };
}

export interface LineInput {
  /** The lines, once, without their ends; over at the end of the input, or with Ctrl-C. */
  readonly lines: AsyncIterable<string>;
  /** Writes to standard output, above what is being typed. */
  say(text: string): void;
  close(): void;
}

/** The streams of a process. */
export interface LineStreams {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
}

export function readLines({ input, output }: LineStreams, options: LineOptions): LineInput {
  const terminal = input.isTTY && output.isTTY;
  const reader = createInterface({
    input,
    ...(terminal && { output }),
    terminal,
    prompt: options.prompt,
    completer: (line: string) => {
      const { choices, part } = options.complete(line);
      return [choices, part];
    },
  });
  reader.on('SIGINT', () => reader.close());
  if (terminal) reader.prompt();
  return {
    lines: prompted(reader, terminal),
    say(text) {
      if (!terminal) {
        output.write(`${text}\n`);
        return;
      }
      cursorTo(output, 0);
      clearLine(output, 0);
      output.write(`${text}\n`);
      reader.prompt(true);
    },
    close: () => reader.close(),
  };
}

async function* prompted(
  reader: ReturnType<typeof createInterface>,
  terminal: boolean,
): AsyncGenerator<string> {
  for await (const line of reader) {
    yield line;
    if (terminal) reader.prompt();
  }
}
