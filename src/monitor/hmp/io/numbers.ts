/** Numbers as qemu-io reads and writes them. */

import {
  type Integer,
  parseSigned,
  parseSize,
  type ScalarError,
} from '../../../wire/options/scalars.ts';
import { IoStop } from './command.ts';

/** No single request is longer: what of 2^31 - 1 bytes is whole sectors. */
export const REQUEST_MAX = 2 ** 31 - 512;

/** How far an offset may reach. */
const SIZE_MAX = 2n ** 63n - 1n;

/** @returns Bytes. @throws {IoStop} For a text that is no size. */
export function readSize(text: string): number {
  const size = parseSize(text);
  if (size === 'EINVAL') {
    const rule = 'non-numeric argument, or extraneous/unrecognized suffix';
    throw new IoStop(`Parsing error: ${rule} -- ${text}`);
  }
  if (size === 'ERANGE' || size > SIZE_MAX) {
    throw new IoStop(`Parsing error: argument too large -- ${text}`);
  }
  // Above 2^53 it is the nearest number there is, which is beyond the end of any disk.
  return Number(size);
}

/** @returns The length of one request. @throws {IoStop} For a text that is none. */
export function readLength(text: string): number {
  const length = readSize(text);
  if (length > REQUEST_MAX) throw new IoStop(`length cannot exceed ${REQUEST_MAX}, given ${text}`);
  return length;
}

/** @returns The sum of the lengths of the buffers of a request. @throws {IoStop} For no length. */
export function readLengths(texts: readonly string[]): number {
  return texts.reduce((sum, text) => {
    const length = readSize(text);
    if (length > REQUEST_MAX) {
      throw new IoStop(`Argument '${text}' exceeds maximum size ${REQUEST_MAX}`);
    }
    const total = sum + length;
    if (total > REQUEST_MAX) {
      throw new IoStop(`The total number of bytes exceed the maximum size ${REQUEST_MAX}`);
    }
    return total;
  }, 0);
}

/** @returns A byte. @throws {IoStop} For a text that is none. */
export function readPattern(text: string): number {
  return readWhole(text, 255) ?? stop(`${text} is not a valid pattern byte`);
}

/** @returns A number of milliseconds. @throws {IoStop} For a text that is none. */
export function readDelayMs(text: string): number {
  return readWhole(text, Number.MAX_SAFE_INTEGER) ?? stop(`${text} is not a valid number`);
}

function readWhole(text: string, max: number): number | undefined {
  const value: Integer | ScalarError = parseSigned(text);
  return typeof value === 'number' && value >= 0 && value <= max ? value : undefined;
}

function stop(text: string): never {
  throw new IoStop(text);
}

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

/** Writes bytes in the largest unit there is one of: `512 bytes`, `1.500 KiB`. */
export function formatAmount(bytes: number): string {
  let power = 0;
  while (power < UNITS.length - 1 && bytes >= 1024 ** (power + 1)) power += 1;
  const digits = (bytes / 1024 ** power).toFixed(power === 0 ? 6 : 3);
  // What is cut off there may have digits that count behind it, as in 1.000500 bytes; so in QEMU.
  const [whole] = digits.split('.000', 1);
  return `${whole} ${UNITS[power]}`;
}
