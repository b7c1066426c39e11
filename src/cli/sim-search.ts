/** A search of the simulation as a command does it: by hands, until it ends or is made to. */

import type { CommandIo } from './command.ts';
import type { Interrupts } from './interrupts.ts';
import { Crew } from './sim-crew.ts';
import { handsFor } from './sim-hands.ts';
import type { ResultOf, TaskOf, WorkName, WorldParts } from './sim-work.ts';

/** Why a search has ended before there was nothing left to do. */
export type Cut = 'interrupted' | 'out of time';

export interface SearchParts<Name extends WorkName> {
  readonly work: Name;
  readonly threads: number;
  /** How long it may take. @default As long as it takes. */
  readonly seconds?: number | undefined;
  readonly taskAt: (index: number) => TaskOf<Name> | undefined;
  readonly onResult: (result: ResultOf<Name>) => void;
  /** Told of what is under way. */
  readonly onProgress?: (underWay: readonly ResultOf<Name>[]) => void;
  readonly world: WorldParts | undefined;
}

/** Searches up to the first failure. @returns Why it ended early, if it did. */
export async function runSearch<Name extends WorkName>(
  { work, threads, seconds, taskAt, onResult, onProgress, world }: SearchParts<Name>,
  { io, interrupts }: { readonly io: CommandIo; readonly interrupts: Interrupts },
): Promise<Cut | undefined> {
  const { clock } = io.env;
  let cut: Cut | undefined;
  const crew = new Crew<TaskOf<Name>, ResultOf<Name>>({
    taskAt,
    hands: handsFor(work, { threads, clock, world }),
    isEnd: ({ failure }) => failure !== undefined,
    onResult,
    ...(onProgress && { onProgress }),
  });
  const stop = (why: Cut) => {
    cut ??= why;
    crew.stop();
  };
  interrupts.handle(() => {
    stop('interrupted');
    return 'ending with what was found so far';
  });
  const timer =
    seconds === undefined ? undefined : clock.after(seconds * 1000, () => stop('out of time'));
  try {
    await crew.run();
  } finally {
    timer?.cancel();
    io.show([]);
  }
  return cut;
}
