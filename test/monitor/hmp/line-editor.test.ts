import { describe, expect, it } from 'vitest';
import { LineEditor } from '../../../src/monitor/hmp/line-editor.ts';

/** An editor, and all that it has shown. */
class Terminal {
  readonly lines: string[] = [];
  readonly #editor: LineEditor;
  #shown = '';

  constructor(...choices: readonly string[]) {
    this.#editor = new LineEditor({
      prompt: '> ',
      show: (text) => {
        this.#shown += text;
      },
      complete: (line) => {
        const part = line.replace(/.* /, '');
        return { choices: choices.filter((each) => each.startsWith(part)), length: part.length };
      },
    });
  }

  /** @returns What is shown for it. */
  type(text: string): string {
    this.#shown = '';
    for (const byte of Buffer.from(text, 'latin1')) {
      const line = this.#editor.take(byte);
      if (line === undefined) continue;
      this.lines.push(line);
      this.#editor.showPrompt();
    }
    return this.#shown;
  }
}

/** @returns The line that comes of it. */
function edited(...keys: readonly string[]): string | undefined {
  const terminal = new Terminal();
  terminal.type(`${keys.join('')}\r`);
  return terminal.lines.at(-1);
}

const [LEFT, RIGHT, UP, DOWN] = ['\x1b[D', '\x1b[C', '\x1b[A', '\x1b[B'];

describe('a line editor', () => {
  it('shows what is typed, as QEMU does', () => {
    const terminal = new Terminal();
    expect(terminal.type('a')).toBe('a\x1b[K');
    expect(terminal.type('b')).toBe('\x1b[Dab\x1b[K');
    expect(terminal.type('\x01')).toBe('\x1b[D\x1b[D');
    expect(terminal.type('\x01')).toBe('');
    expect(terminal.type('X')).toBe('Xab\x1b[K\x1b[D\x1b[D');
    expect(terminal.type('\x05')).toBe('\x1b[C\x1b[C');
    expect(terminal.type('\x0c')).toBe('\x1b[2J\x1b[1;1H> Xab\x1b[K');
    expect(terminal.type('\r')).toBe('\n> ');
    expect(terminal.lines).toEqual(['Xab']);
    expect(terminal.type('c')).toBe('c\x1b[K');
  });

  it.each([
    ['Left', ['ac', LEFT, 'b'], 'abc'],
    ['Left at the beginning', ['b', LEFT, LEFT, 'a'], 'ab'],
    ['Right', ['ac', LEFT, LEFT, RIGHT, 'b'], 'abc'],
    ['Right at the end', ['a', RIGHT, 'b'], 'ab'],
    ['Ctrl-A', ['b', '\x01', 'a'], 'ab'],
    ['Home', ['b', '\x1b[1~', 'a'], 'ab'],
    ['Home of newer terminals', ['b', '\x1b[H', 'a'], 'ab'],
    ['Ctrl-E', ['a', LEFT, '\x05', 'b'], 'ab'],
    ['End', ['a', LEFT, '\x1b[4~', 'b'], 'ab'],
    ['End of newer terminals', ['a', LEFT, '\x1bOF', 'b'], 'ab'],
    ['Backspace', ['ab', LEFT, '\x7f'], 'b'],
    ['Backspace at the beginning', ['\b', 'a'], 'a'],
    ['Ctrl-D', ['ab', LEFT, '\x04'], 'a'],
    ['Delete', ['ab', LEFT, '\x1b[3~'], 'a'],
    ['Ctrl-W', ['one two  ', '\x17'], 'one '],
    ['Ctrl-W in a word', ['one two', LEFT, '\x17'], 'one o'],
    ['Ctrl-U', ['abc', LEFT, '\x15'], 'c'],
    ['Ctrl-K', ['abc', LEFT, LEFT, '\x0b'], 'a'],
    ['keys without a meaning', ['a', '\x03\x1b[5~\x1bx', 'b'], 'ab'],
    ['bytes of UTF-8', ['\xc3\xa9'], '\xc3\xa9'],
  ])('knows %s', (_key, keys, line) => {
    expect(edited(...keys)).toBe(line);
  });

  it('calls lines back, and forth again', () => {
    const terminal = new Terminal();
    terminal.type(`one\rtwo\r${UP}${UP}!\r${UP}${UP}${DOWN}?\rthree${UP}${DOWN}\r`);
    expect(terminal.lines).toEqual(['one', 'two', 'one!', 'one!?', '']);
  });

  it('refuses what makes the line too long', () => {
    expect(edited('a'.repeat(4094), 'bcd')).toBe(`${'a'.repeat(4094)}b`);
  });

  it('completes what has one completion', () => {
    const terminal = new Terminal('stop', 'status');
    terminal.type('sto');
    expect(terminal.type('\t')).toBe('\x1b[D\x1b[D\x1b[Dstop \x1b[K');
    expect(terminal.type('\t')).toContain('stop  ');
  });

  it('shows what may be meant, and completes what is common', () => {
    const terminal = new Terminal('block_job_cancel', 'block_job_pause', 'block_job_resume');
    terminal.type('info bl');
    const table = 'block_job_cancel  block_job_pause   block_job_resume  \n> info block_job_\x1b[K';
    expect(terminal.type('\t')).toBe(`\n${table}`);
    expect(terminal.type('x\t')).not.toContain('\n');
  });

  it('shows as many columns as there is room for', () => {
    const terminal = new Terminal(...'abcdefghi');
    const nine = [...'abcdefghi'].map((each) => each.padEnd(10));
    const table = `${nine.slice(0, 8).join('')}\n${nine[8]}\n`;
    expect(terminal.type('\t')).toBe(`\n${table}> `);
  });
});
