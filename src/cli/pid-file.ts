/** The file in which a daemon leaves the number of its process, for as long as it runs. */

import { rmSync } from 'node:fs';
import { stat, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { BlockError, type BlockErrorCode, fromSystemError } from '../base/errors.ts';
import type { CommandIo } from './command.ts';

/** For this user only. */
const MODE = 0o600;

/**
 * Writes it, and has it removed when the process ends.
 *
 * @throws {BlockError} `EBUSY` when another process has written it and still runs; else what it
 *   cannot be written for.
 */
export async function writePidFile(path: string, io: CommandIo): Promise<void> {
  const place = resolve(path);
  const action = `write "${path}"`;
  const fail = (code: BlockErrorCode, why: string) =>
    new BlockError(code, action, `cannot create PID file: ${why}`);
  try {
    await writeFile(place, '', { flag: 'a', mode: MODE });
    const { dev, ino } = await stat(place);
    const lock = await io.env.files.lock({ device: dev, inode: ino });
    if (!lock) throw fail('EBUSY', 'Cannot lock pid file: Resource temporarily unavailable');
    await writeFile(place, `${process.pid}\n`);
  } catch (error) {
    const known = fromSystemError(error, action);
    if (!(known instanceof BlockError) || known === error) throw error;
    throw fail(known.code, `Could not create '${path}': ${known.reason}`);
  }
  io.onExit(() => rmSync(place, { force: true }));
}
