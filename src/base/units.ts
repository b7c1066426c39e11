/** Sizes, times and rates as people write and read them. */

const SUFFIXES = ['B', 'K', 'M', 'G', 'T', 'P', 'E'] as const;
const LAST_POWER = SUFFIXES.length - 1;

/**
 * Reads a size such as `512`, `64K`, `1.5G` or `10GiB`: QEMU's suffixes, powers of 1024.
 *
 * @returns Bytes.
 * @throws {RangeError} When the text is no size, is no whole number of bytes or is above 2^53 - 1.
 */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(?:([KMGTPE])(?:i?B)?|B)?$/i.exec(text.trim());
  const size = match && Number(match[1]) * unitOf(match[2]);
  if (size === null || !Number.isInteger(size)) {
    const rule = 'it must be a whole number of bytes, perhaps with a suffix as in 64K or 1.5G';
    throw new RangeError(`Cannot read a size: ${rule}: "${text}"`);
  }
  if (!Number.isSafeInteger(size)) {
    throw new RangeError(`Cannot read a size: it must be below 2^53 bytes (8 PiB): "${text}"`);
  }
  return size;
}

function unitOf(suffix: string | undefined): number {
  const power = SUFFIXES.join('').indexOf(suffix?.toUpperCase() ?? 'B');
  return 1024 ** power;
}

/** Writes a size with one digit after the point: `512 B`, `1.5 GiB`. */
export function formatSize(bytes: number): string {
  let value = bytes;
  let power = 0;
  // What rounds to 1024 of a unit is 1 of the next.
  while (Number(Math.abs(value).toFixed(power === 0 ? 0 : 1)) >= 1024 && power < LAST_POWER) {
    value /= 1024;
    power += 1;
  }
  if (power === 0) return `${Math.round(value)} B`;
  return `${value.toFixed(1).replace(/\.0$/, '')} ${SUFFIXES[power]}iB`;
}

/** Writes a time span in its two largest units: `850 ms`, `12.4 s`, `3 min 20 s`, `5 h 10 min`. */
export function formatDuration(ms: number): string {
  // The limits are those at which the rounded number would reach the next unit.
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
