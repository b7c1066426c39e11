import { expect, it } from 'vitest';
import { demandIdentifier, isIdentifier } from '../../src/base/identifier.ts';

it('an identifier is a letter, and then letters, digits, dashes, dots and underscores', () => {
  for (const id of ['a', 'Z9', 'drive-0.a_b']) expect([id, isIdentifier(id)]).toEqual([id, true]);
  for (const id of ['', '9a', '_a', '#a', 'a b', 'a\n', 'ä', 'a/b']) {
    expect([id, isIdentifier(id)]).toEqual([id, false]);
  }
});

it('what is none is refused with the words of QEMU, and its advice', () => {
  demandIdentifier('a', 'make it');
  expect(() => demandIdentifier('9', 'make it')).toThrow(
    expect.objectContaining({
      code: 'EINVAL',
      message: "Cannot make it: Parameter 'id' expects an identifier",
      hint: "Identifiers consist of letters, digits, '-', '.', '_', starting with a letter.",
    }),
  );
});
