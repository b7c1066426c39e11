/** Hands for a {@link Crew}: this thread, or threads of their own. */

import { Worker } from 'node:worker_threads';
import type { Clock } from '../env/env.ts';
import type { Hand } from './sim-crew.ts';
import type { ResultOf, TaskOf, Work, WorkName, WorldParts } from './sim-work.ts';
import { WORKS } from './sim-work.ts';

/** What is said to a thread. */
export type Order<Task> = { readonly type: 'do'; readonly task: Task } | { readonly type: 'stop' };

/** What a thread answers. */
export interface Answer<Result> {
  readonly type: 'progress' | 'done';
  readonly result: Result;
}

export interface HandsOptions {
  readonly threads: number;
  readonly clock: Clock;
  /** What is different about the worlds, which other threads cannot be told. @default Nothing. */
  readonly world?: WorldParts | undefined;
}

/** @returns As many hands as threads are asked for; one is this thread, which needs no other. */
export function handsFor<Name extends WorkName>(
  name: Name,
  { threads, clock, world }: HandsOptions,
): readonly Hand<TaskOf<Name>, ResultOf<Name>>[] {
  // The compiler does not see that one name gives one pair of task and result.
  const work = WORKS[name] as unknown as Work<TaskOf<Name>, ResultOf<Name>>;
  if (threads === 1 || world) return [localHand(work, clock, world)];
  return Array.from({ length: threads }, () => threadHand<TaskOf<Name>, ResultOf<Name>>(name));
}

/** Does tasks in this thread, which between steps of a world does other things too. */
export function localHand<Task, Result>(
  work: Work<Task, Result>,
  clock: Clock,
  world: WorldParts = {},
): Hand<Task, Result> {
  let isStopped = false;
  return {
    do(task, onProgress) {
      isStopped = false;
      return work(task, {
        settle: () => clock.turn(),
        nowMs: () => clock.nowMs(),
        world,
        isStopped: () => isStopped,
        onProgress,
      });
    },
    stop() {
      isStopped = true;
    },
    close: async () => {},
  };
}

function threadHand<Task, Result>(name: WorkName): Hand<Task, Result> {
  // It stands beside this file, and has the same ending.
  const ending = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
  const worker = new Worker(new URL(`./sim-worker${ending}`, import.meta.url), {
    workerData: name,
  });
  const say = (order: Order<Task>) => worker.postMessage(order);
  let broken: Error | undefined;
  worker.on('error', (error) => {
    broken = error;
  });
  return {
    do(task, onProgress) {
      return new Promise<Result>((resolve, reject) => {
        if (broken) throw broken;
        const onMessage = ({ type, result }: Answer<Result>) => {
          if (type === 'progress') onProgress(result);
          else end(() => resolve(result));
        };
        const onError = (error: Error) => end(() => reject(error));
        const onExit = () => end(() => reject(new Error('A thread of the simulation has ended')));
        const end = (settle: () => void) => {
          worker.off('message', onMessage).off('error', onError).off('exit', onExit);
          settle();
        };
        worker.on('message', onMessage).on('error', onError).on('exit', onExit);
        say({ type: 'do', task });
      });
    },
    stop: () => say({ type: 'stop' }),
    async close() {
      await worker.terminate();
    },
  };
}
