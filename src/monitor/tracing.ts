/** Trace points of the monitor: what clients ask for, and what becomes of jobs. */

import { BlockError } from '../base/errors.ts';
import type { Env } from '../env/env.ts';
import type { Machine } from '../machine/machine.ts';
import type { JsonValue } from '../wire/qmp/json-value.ts';
import { formatJson } from '../wire/qmp/json-writer.ts';
import { type CommandRegistry, type MonitorCommand, MonitorError } from './command.ts';

/** What listens, if anybody does at the moment. */
type Listening = Pick<Env, 'trace'>;

/** @returns The same commands; each tells of its beginning and its end. */
export function tracedCommands(commands: CommandRegistry, env: Listening): CommandRegistry {
  const traced = Object.entries(commands).map(([name, it]) => [name, tracedCommand(it, env)]);
  return Object.fromEntries(traced);
}

function tracedCommand(command: MonitorCommand, env: Listening): MonitorCommand {
  const name = command.name.replaceAll('-', '_');
  return {
    ...command,
    async execute(given, context, notation) {
      env.trace?.(`qmp_enter_${name}`, formatJson(given));
      try {
        const result = await command.execute(given, context, notation);
        // The schema says that it is JSON's.
        env.trace?.(`qmp_exit_${name}`, `${formatJson((result ?? {}) as JsonValue)} 1`);
        return result;
      } catch (error) {
        env.trace?.(`qmp_exit_${name}`, `${reasonOf(error)} 0`);
        throw error;
      }
    },
  };
}

function reasonOf(error: unknown): string {
  if (error instanceof BlockError) return error.reason;
  return error instanceof MonitorError ? error.message : String(error);
}

/** Tells of each state that a job comes to. @returns What ends that. */
export function traceJobs(machine: Machine, env: Listening): () => void {
  const states = new Map<string, string>();
  return machine.subscribe((event) => {
    if (event.event !== 'JOB_STATUS_CHANGE') return;
    const { id, status } = event.data;
    const before = states.get(id) ?? 'undefined';
    if (status === 'null') states.delete(id);
    else states.set(id, status);
    const transition = `attempting allowed transition (${before}-->${status})`;
    env.trace?.('job_state_transition', `job ${id} ${transition}`);
  });
}

/** The trace points there are, when these are the commands. */
export function tracePoints(commands: CommandRegistry): readonly string[] {
  const names = Object.keys(commands).map((name) => name.replaceAll('-', '_'));
  return [
    'job_state_transition',
    'mirror_start',
    'mirror_before_flush',
    'mirror_before_drain',
    'mirror_one_iteration',
    'mirror_iteration_done',
    ...names.flatMap((name) => [`qmp_enter_${name}`, `qmp_exit_${name}`]),
  ];
}
