/** A place for a Unix socket that nobody else can reach, for as long as a command runs. */

import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromSystemError } from '../base/errors.ts';
import type { CommandIo } from './command.ts';

/** Runs `body` with the path for a socket in a folder of its own, which is removed afterwards. */
export async function withSocketFolder<T>(
  io: CommandIo,
  body: (path: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'mirrordisk-')).catch((error: unknown) => {
    throw fromSystemError(error, `make a folder in "${tmpdir()}"`);
  });
  const clean = () => rmSync(folder, { recursive: true, force: true });
  const forget = io.onExit(clean);
  try {
    return await body(join(folder, 'nbd.sock'));
  } finally {
    clean();
    forget();
  }
}
