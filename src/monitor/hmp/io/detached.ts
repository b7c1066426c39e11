/** Requests that go on when their command is over, and are counted as a guest's are. */

import type { OperationAccount } from '../../../device/accounting.ts';
import { type IoContext, type IoDisk, IoStop } from './command.ts';

/** What a request is counted as. */
export type CountedAs = 'read' | 'write';

/** The part of a request that matters here. */
export interface DetachedRequest {
  readonly length: number;
  /** `i` is for a request that is only counted, as one that makes no sense. */
  readonly flags: ReadonlySet<string>;
}

/**
 * Begins a request.
 *
 * @param perform Carries it out, and tells of it. @throws {IoStop} What to tell when it failed.
 */
export function carryOutDetached(
  kind: CountedAs,
  request: DetachedRequest,
  context: IoContext,
  perform: () => Promise<void>,
): void {
  const { disk } = context;
  if (request.flags.has('i')) {
    context.print(`injecting invalid ${kind} request\n`);
    const account = accountOf(disk, kind);
    if (account) account.invalid += 1;
    return;
  }
  context.detach(run(kind, request.length, context, perform));
}

async function run(
  kind: CountedAs,
  length: number,
  { disk, machine, print }: IoContext,
  perform: () => Promise<void>,
): Promise<void> {
  const { accounts } = disk;
  const account = accountOf(disk, kind);
  const { clock } = machine.env;
  const beginMs = clock.nowMs();
  accounts?.begin(beginMs);
  try {
    await perform();
    account?.countDone(length, clock.nowMs() - beginMs);
  } catch (error) {
    if (!(error instanceof IoStop)) throw error;
    account?.countFailed(clock.nowMs() - beginMs);
    print(`${error.message}\n`);
  } finally {
    accounts?.end(clock.nowMs());
  }
}

function accountOf({ accounts }: IoDisk, kind: CountedAs): OperationAccount | undefined {
  return accounts?.operations[kind === 'read' ? 'in' : 'out'];
}
