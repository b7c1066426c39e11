import { describe, expect, it } from 'vitest';
import { decodeBase64 } from '../../src/base/base64.ts';

describe('decodeBase64()', () => {
  it.each([
    ['', []],
    ['AAE=', [0, 1]],
    ['AA\nE=\n', [0, 1]],
    ['+/8=', [251, 255]],
  ])('reads "%s"', (text, bytes) => {
    expect([...decodeBase64(text)]).toEqual(bytes);
  });

  it.each(['!!', 'AA=A', 'AA E='])('does not read "%s"', (text) => {
    const reason = 'Base64 data contains invalid characters';
    expect(() => decodeBase64(text)).toThrow(expect.objectContaining({ reason }));
  });
});
