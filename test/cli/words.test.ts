import { describe, expect, it } from 'vitest';
import { counted, printable } from '../../src/cli/words.ts';

describe('printable()', () => {
  it('writes what would leave the line, or speak to the terminal, as its code', () => {
    expect(printable('a\nb\x1b[31mc\x00\x7f\x9b')).toBe('a\\x0ab\\x1b[31mc\\x00\\x7f\\x9b');
  });

  it('leaves all else as it is', () => {
    expect(printable('disk "1"\\ä€🙂.img')).toBe('disk "1"\\ä€🙂.img');
  });
});

describe('counted()', () => {
  it('puts an s to any number but one', () => {
    const words = [0, 1, 2].map((count) => counted(count, 'byte'));
    expect(words).toEqual(['0 bytes', '1 byte', '2 bytes']);
  });
});
