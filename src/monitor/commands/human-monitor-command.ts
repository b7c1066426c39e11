/** The command `human-monitor-command`: a line of the human monitor, for programs. */

import { BlockError } from '../../base/errors.ts';
import { optional, struct } from '../../wire/qapi/composites.ts';
import { int, str } from '../../wire/qapi/scalars.ts';
import { defineCommand } from '../command.ts';
import { hmpCommands } from '../hmp/commands/index.ts';
import { interpret } from '../hmp/interpreter.ts';

export const humanMonitorCommand = defineCommand(
  {
    name: 'human-monitor-command',
    summary: 'Carries out a line of the human monitor, and answers what it prints',
    arguments: struct('q_obj_human-monitor-command-arg', {
      'command-line': str,
      'cpu-index': optional(int),
    }),
    returns: str,
  },
  async ({ 'command-line': line, 'cpu-index': cpu }, monitor) => {
    // There is one CPU, as far as commands can tell.
    if (cpu !== undefined && cpu !== 0) {
      const rule = "Parameter 'cpu-index' expects a CPU number";
      throw new BlockError('EINVAL', 'choose a CPU', rule);
    }
    // What qemu-io prints on standard output comes after the answers to earlier commands.
    await monitor.machine.env.clock.turn();
    let printed = '';
    const print = (text: string) => {
      printed += text.replaceAll('\n', '\r\n');
    };
    await interpret(line, hmpCommands, { monitor, history: [], print });
    return printed;
  },
);
