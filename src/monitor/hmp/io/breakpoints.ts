/** The commands that suspend requests at a blkdebug filter, on the disk or below it. */

import { BlockError } from '../../../base/errors.ts';
import type { BlockNode } from '../../../block/node.ts';
import { blkdebugOf } from '../../../filters/blkdebug.ts';
import type { BlkdebugControl } from '../../../filters/blkdebug-control.ts';
import { type IoCommand, type IoContext, IoStop } from './command.ts';
import { primaryChild } from './primary-child.ts';
import { mediumOf, unsupported } from './request.ts';

const breakAt: IoCommand = {
  name: 'break',
  usage: 'event tag',
  summary: 'sets a breakpoint on event and tags the stopped request as tag',
  countMin: 2,
  async run([event = '', tag = ''], context) {
    const onReached = () => context.print(`blkdebug: Suspended request '${tag}'\n`);
    await control('Could not set breakpoint', context, (filter) =>
      filter.suspend(event, tag, onReached),
    );
  },
};

const removeBreak: IoCommand = {
  name: 'remove_break',
  usage: 'tag',
  summary: 'remove a breakpoint by tag',
  countMin: 1,
  async run([tag = ''], context) {
    const failure = `Could not remove breakpoint ${tag}`;
    await control(failure, context, (filter) => filter.removeBreakpoint(tag));
  },
};

const resume: IoCommand = {
  name: 'resume',
  usage: 'tag',
  summary: 'resumes the request tagged as tag',
  countMin: 1,
  async run([tag = ''], context) {
    await control('Could not resume request', context, (filter) => {
      filter.resume(tag);
      context.print(`blkdebug: Resuming request '${tag}'\n`);
    });
  },
};

const waitBreak: IoCommand = {
  name: 'wait_break',
  usage: 'tag',
  summary: 'waits for the suspension of a request',
  countMin: 1,
  async run([tag = ''], context) {
    // QEMU waits for ever where there is nothing that could suspend a request.
    await control('Could not wait for request', context, (filter) => filter.whenSuspended(tag));
  },
};

/** These commands. */
export const breakpointCommands: readonly IoCommand[] = [breakAt, removeBreak, resume, waitBreak];

/** @param failure What to tell when it cannot be done. @throws {IoStop} That. */
async function control(
  failure: string,
  { disk }: IoContext,
  act: (filter: BlkdebugControl) => Promise<void> | void,
): Promise<void> {
  try {
    await act(filterOf(mediumOf(disk).node));
  } catch (error) {
    if (!(error instanceof BlockError)) throw error;
    throw new IoStop(`${failure}: ${error.description}`, { cause: error });
  }
}

function filterOf(node: BlockNode): BlkdebugControl {
  const filter = blkdebugOf(node);
  if (filter) return filter;
  const child = primaryChild(node);
  return child ? filterOf(child) : unsupported();
}
