/** Requests that go on when their command is over, and are counted as a guest's are. */

import type { OperationAccount } from '../../../device/accounting.ts';
import { type IoContext, type IoDisk, IoStop } from './command.ts';

/** What a request is counted as. */
export type CountedAs = 'read' | 'write' | 'flush';

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
    accountOf(disk, kind)?.countInvalid(context.machine.env.clock.nowMs());
    return;
  }
  context.detach(run(kind, request.length, context, perform));
}

async function run(
  kind: CountedAs,
  length: number,
  context: IoContext,
  perform: () => Promise<void>,
): Promise<void> {
  try {
    await counted(kind, length, context, perform);
  } catch (error) {
    if (!(error instanceof IoStop)) throw error;
    context.print(`${error.message}\n`);
  }
}

/** Carries out a request, and counts it. @throws {IoStop} What `perform` throws. */
export async function counted(
  kind: CountedAs,
  length: number,
  { disk, machine }: Pick<IoContext, 'disk' | 'machine'>,
  perform: () => Promise<void>,
): Promise<void> {
  const { accounts } = disk;
  const account = accountOf(disk, kind);
  const { clock } = machine.env;
  const beginMs = clock.nowMs();
  accounts?.begin(beginMs);
  try {
    await perform();
    account?.countDone(length, beginMs, clock.nowMs());
  } catch (error) {
    account?.countFailed(beginMs, clock.nowMs());
    throw error;
  } finally {
    accounts?.end(clock.nowMs());
  }
}

const ACCOUNTS = { read: 'in', write: 'out', flush: 'flush' } as const;

function accountOf({ accounts }: IoDisk, kind: CountedAs): OperationAccount | undefined {
  return accounts?.operations[ACCOUNTS[kind]];
}
