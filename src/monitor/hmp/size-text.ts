/** Sizes as QEMU writes them for people: three digits, and a unit from 1000 of the last one on. */

const UNITS = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

/** Writes a size: `512 B`, `1.5 MiB`, `0.977 MiB`. */
export function formatSize(bytes: number): string {
  let power = 0;
  while (power < UNITS.length - 1 && bytes >= 1000 * 1024 ** power) power += 1;
  return `${Number((bytes / 1024 ** power).toPrecision(3))} ${UNITS[power]}B`;
}
