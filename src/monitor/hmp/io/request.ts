/** A request of a command to its disk, and how it fails. */

import { BlockError } from '../../../base/errors.ts';
import type { BlockEdge } from '../../../block/edge.ts';
import { type IoContext, type IoDisk, IoStop } from './command.ts';

/** @throws {BlockError} When the drive is empty. */
export function mediumOf({ edge }: IoDisk): BlockEdge {
  if (edge) return edge;
  const description = 'No medium found';
  throw new BlockError('ENODEV', 'use the drive', 'No medium inserted', { description });
}

/**
 * Carries out a request.
 *
 * @param action What failed when it fails: "read".
 * @returns How long it took, in milliseconds.
 * @throws {IoStop} Why it failed.
 */
export async function carryOut(
  action: string,
  { disk, machine }: Pick<IoContext, 'disk' | 'machine'>,
  request: (edge: BlockEdge) => Promise<void> | void,
): Promise<number> {
  const { clock } = machine.env;
  const beginMs = clock.nowMs();
  try {
    await request(mediumOf(disk));
  } catch (error) {
    if (!(error instanceof BlockError)) throw error;
    throw new IoStop(`${action} failed: ${error.description}`, { cause: error });
  }
  return clock.nowMs() - beginMs;
}

/** @throws {BlockError} `ENOTSUP`, for what no driver of this program can do. */
export function unsupported(): never {
  throw new BlockError('ENOTSUP', 'carry out the request', 'Operation not supported');
}

/** @throws {IoStop} Where the state of a machine could not be, which is stored in sectors. */
export function demandSectors(offset: number, count: number): void {
  for (const [name, value] of Object.entries({ offset, count })) {
    if (value % 512 !== 0) {
      throw new IoStop(`${value} is not a sector-aligned value for '${name}'`);
    }
  }
}
