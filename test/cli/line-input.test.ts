import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { type LineStreams, readLines } from '../../src/cli/line-input.ts';
import { settle } from '../support/settle.ts';

/** Streams of a process, whose other ends are the test. */
function streams({ isTerminal = false } = {}) {
  const [input, output] = [new PassThrough(), new PassThrough()];
  for (const stream of [input, output]) Object.assign(stream, { isTTY: isTerminal });
  let written = '';
  output.on('data', (part) => {
    written += part;
  });
  // What of a terminal's streams is used, these have.
  const pair = { input, output } as unknown as LineStreams;
  return { pair, input, shown: () => written };
}

const OPTIONS = {
  prompt: '> ',
  complete: (line: string) => ({ choices: [`${line}xyz`], part: line }),
};

async function linesOf(lines: AsyncIterable<string>): Promise<readonly string[]> {
  const all: string[] = [];
  for await (const line of lines) all.push(line);
  return all;
}

describe('lines of a file', () => {
  it('come without prompts, the last one too that has no end', async () => {
    const { pair, input, shown } = streams();
    const lines = linesOf(readLines(pair, OPTIONS).lines);
    input.end('one\r\n\ntwo');
    expect(await lines).toEqual(['one', '', 'two']);
    expect(shown()).toBe('');
  });

  it('leave what is said alone', () => {
    const { pair, shown } = streams();
    const reading = readLines(pair, OPTIONS);
    reading.say('answer');
    reading.close();
    expect(shown()).toBe('answer\n');
  });
});

describe('lines of a terminal', () => {
  it('are asked for, one after the other', async () => {
    const { pair, input, shown } = streams({ isTerminal: true });
    const reading = readLines(pair, OPTIONS);
    const lines = linesOf(reading.lines);
    input.write('one\r');
    await settle();
    reading.close();
    expect(await lines).toEqual(['one']);
    expect(shown().split('> ').length).toBeGreaterThan(2);
  });

  it('are completed with Tab', async () => {
    const { pair, input } = streams({ isTerminal: true });
    const reading = readLines(pair, OPTIONS);
    const lines = linesOf(reading.lines);
    input.write('ab\t');
    await settle();
    input.write('\r');
    await settle();
    reading.close();
    expect(await lines).toEqual(['abxyz']);
  });

  it('are over with Ctrl-C', async () => {
    const { pair, input } = streams({ isTerminal: true });
    const lines = linesOf(readLines(pair, OPTIONS).lines);
    input.write('half\u0003');
    expect(await lines).toEqual([]);
  });

  it('stay as they are when something is said meanwhile, which stands above them', async () => {
    const { pair, input, shown } = streams({ isTerminal: true });
    const reading = readLines(pair, OPTIONS);
    const lines = linesOf(reading.lines);
    input.write('ha');
    await settle();
    reading.say('event');
    expect(shown()).toMatch(/event\n[^\n]*> ha[^\n]*$/);
    input.write('lf\r');
    await settle();
    reading.close();
    expect(await lines).toEqual(['half']);
  });
});
