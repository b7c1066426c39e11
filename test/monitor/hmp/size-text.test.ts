import { expect, it } from 'vitest';
import { formatSize } from '../../../src/monitor/hmp/size-text.ts';

it.each([
  [0, '0 B'],
  [512, '512 B'],
  [1000, '0.977 KiB'],
  [1536, '1.5 KiB'],
  [999 * 1024, '999 KiB'],
  [1_048_576, '1 MiB'],
  [1_000_448, '977 KiB'],
  [2 ** 53, '8 PiB'],
])('%d bytes are %s', (bytes, text) => {
  expect(formatSize(bytes)).toBe(text);
});
