/** What commands tell of a transfer: how much, how long, how fast, and what was read. */

import type { IoOutput } from './command.ts';
import { formatAmount } from './numbers.ts';

/** A transfer that has ended well. */
export interface Transfer {
  /** What was done: "read", "wrote". */
  readonly verb: string;
  readonly offset: number;
  readonly length: number;
  readonly durationMs: number;
}

/** How it is told. */
export interface ReportStyle {
  /** In one line, for programs. */
  readonly terse: boolean;
}

/** The shortest time that is told apart from none: as clocks have it, a nanosecond. */
const DURATION_MIN_SECONDS = 1e-9;

export function reportTransfer(
  { verb, offset, length, durationMs }: Transfer,
  { terse }: ReportStyle,
  { print }: Pick<IoOutput, 'print'>,
): void {
  const seconds = Math.max(durationMs / 1000, DURATION_MIN_SECONDS);
  const [bytesPerSecond, requestsPerSecond] = [length / seconds, 1 / seconds];
  if (terse) {
    const rates = `${bytesPerSecond.toFixed(3)},${requestsPerSecond.toFixed(3)}`;
    print(`${length},1,${clockTime(durationMs)},${rates}\n`);
    return;
  }
  const time = seconds < 1 ? `${seconds.toFixed(2).padStart(5, '0')} sec` : clockTime(durationMs);
  const rates = `${formatAmount(bytesPerSecond)}/sec and ${requestsPerSecond.toFixed(4)} ops/sec`;
  print(`${verb} ${length}/${length} bytes at offset ${offset}\n`);
  print(`${formatAmount(length)}, 1 ops; ${time} (${rates})\n`);
}

/** Writes a time as hours, minutes, seconds and hundredths: `0:02:03.45`. */
function clockTime(durationMs: number): string {
  const hundredths = Math.floor(durationMs / 10);
  const two = (value: number) => `${Math.floor(value)}`.padStart(2, '0');
  const minutes = `${Math.floor(hundredths / 360_000)}:${two((hundredths / 6000) % 60)}`;
  return `${minutes}:${two((hundredths / 100) % 60)}.${two(hundredths % 100)}`;
}

const LINE_LENGTH = 16;

/** Prints bytes in hexadecimal digits, and the letters and digits among them as they are. */
export function dump(
  bytes: Uint8Array,
  { offset }: { readonly offset: number },
  { print }: Pick<IoOutput, 'print'>,
): void {
  for (let at = 0; at < bytes.length; at += LINE_LENGTH) {
    const line = [...bytes.subarray(at, at + LINE_LENGTH)];
    const place = (offset + at).toString(16).padStart(8, '0');
    const digits = line.map((byte) => `${byte.toString(16).padStart(2, '0')} `).join('');
    const letters = line
      .map((byte) => String.fromCharCode(byte).replace(/[^\da-z]/i, '.'))
      .join('');
    print(`${place}:  ${digits} ${letters}\n`);
  }
}
