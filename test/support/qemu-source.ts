/**
 * QEMU's Python library and its own tests, from the folder that the variable MIRRORDISK_QEMU names,
 * where `.ci/qemu-source.js` has put them.
 */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Interop, interop, skipping } from './tools.ts';

const FOLDER = process.env['MIRRORDISK_QEMU'] ?? '';

/** Python's own variables: where the library is, and that nothing is to be left beside it. */
export const PYTHON_ENV = {
  PYTHONPATH: join(FOLDER, 'python'),
  PYTHONDONTWRITEBYTECODE: '1',
} as const;

/** The folder of QEMU's iotests. */
export const IOTESTS = join(FOLDER, 'tests/qemu-iotests');

/** @param names The programs that every test made from the result needs besides. */
export function withQemuSource<const Names extends readonly string[]>(
  ...names: Names
): Interop<Names> {
  if (existsSync(IOTESTS)) return interop(...names);
  return skipping('MIRRORDISK_QEMU names no folder that .ci/qemu-source.js has made');
}
