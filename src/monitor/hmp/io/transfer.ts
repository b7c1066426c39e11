/** A request of a command that is about some of the bytes of a disk, and what is told of it. */

import { BlockError } from '../../../base/errors.ts';
import type { BlockEdge } from '../../../block/edge.ts';
import type { IoContext } from './command.ts';
import { reportTransfer } from './report.ts';
import { carryOut } from './request.ts';

export interface TransferRequest {
  readonly offset: number;
  readonly length: number;
  /** `q` for quiet, `C` for a report in one line; others are the command's own. */
  readonly flags: ReadonlySet<string>;
}

/** How it is carried out. */
export interface TransferWork {
  /** What failed when it fails: "readv". */
  readonly action: string;
  /** What has been done when it is done: "read". */
  readonly verb: string;
  start(edge: BlockEdge): Promise<void> | void;
  /** Called when it is done, before it is reported. */
  done?(): void;
}

/** Carries it out, and reports it. @throws {IoStop} Why it failed. */
export async function transfer(
  { offset, length, flags }: TransferRequest,
  context: IoContext,
  { action, verb, start, done }: TransferWork,
): Promise<void> {
  const durationMs = await carryOut(action, context, (edge) => {
    demandWithin(edge, offset, length);
    return start(edge);
  });
  done?.();
  if (flags.has('q')) return;
  reportTransfer({ verb, offset, length, durationMs }, { terse: flags.has('C') }, context);
}

/** @throws {BlockError} `EIO` for a range that is not within the disk, as QEMU has it. */
function demandWithin(edge: BlockEdge, offset: number, length: number): void {
  if (offset + length <= edge.size) return;
  throw new BlockError('EIO', `reach ${length} bytes at ${offset}`, 'it is beyond the end');
}
