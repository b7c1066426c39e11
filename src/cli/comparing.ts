/** What is shown of a comparison at work. */

import { formatSize } from '../base/units.ts';
import type { CommandIo } from './command.ts';
import { flow } from './live-lines.ts';
import { progressBar } from './progress-line.ts';
import { timely } from './timely.ts';

const BAR_LENGTH = 20;

/** @returns A function that shows how many bytes of how many have been compared. */
export function comparing(io: CommandIo): (bytes: number, size: number) => void {
  const show = timely(io.env.clock, (done: { readonly bytes: number; readonly size: number }) => {
    const { bytes, size } = done;
    const parts = [
      `comparing ${progressBar(bytes / size, BAR_LENGTH)}`,
      `${formatSize(bytes)} of ${formatSize(size)}`,
    ];
    io.show(flow(parts, io.columns ?? Infinity));
  });
  return (bytes, size) => {
    if (size > 0) show({ bytes, size });
  };
}
