/** The commands that stop the guest, let it go on, and tell of it. */

import { EMPTY } from '../../wire/qapi/command.ts';
import { enumeration, optional, struct } from '../../wire/qapi/composites.ts';
import { bool, str } from '../../wire/qapi/scalars.ts';
import { type CommandRegistry, defineCommand } from '../command.ts';

/** QEMU's; here a machine is never in some of them. */
const runState = enumeration('RunState', [
  'debug',
  'inmigrate',
  'internal-error',
  'io-error',
  'paused',
  'postmigrate',
  'prelaunch',
  'finish-migrate',
  'restore-vm',
  'running',
  'save-vm',
  'shutdown',
  'suspended',
  'watchdog',
  'guest-panicked',
  'colo',
]);

const queryStatus = defineCommand(
  {
    name: 'query-status',
    summary: 'Tells whether the guest runs',
    arguments: EMPTY,
    returns: struct('StatusInfo', { running: bool, singlestep: bool, status: runState }),
  },
  (_given, { machine: { runState: state } }) => {
    return { running: state.running, singlestep: false, status: state.status };
  },
);

const stop = defineCommand(
  {
    name: 'stop',
    summary: 'Stops the guest; answers when nothing of it is in flight',
    arguments: EMPTY,
  },
  (_given, { machine }) => machine.runState.stop(),
);

const cont = defineCommand(
  { name: 'cont', summary: 'Lets the guest go on', arguments: EMPTY },
  (_given, { machine }) => machine.runState.cont(),
);

const systemReset = defineCommand(
  { name: 'system_reset', summary: 'Starts the guest anew', arguments: EMPTY },
  (_given, { machine }) => machine.runState.reset(),
);

const systemPowerdown = defineCommand(
  {
    name: 'system_powerdown',
    summary: 'Asks the guest to end by itself; it may not heed that',
    arguments: EMPTY,
  },
  (_given, { machine }) => machine.runState.powerDown(),
);

const queryName = defineCommand(
  {
    name: 'query-name',
    summary: 'Tells what the machine is called',
    arguments: EMPTY,
    returns: struct('NameInfo', { name: optional(str) }),
  },
  (_given, { machine: { name } }) => ({ name }),
);

export const runStateCommands = {
  'query-status': queryStatus,
  stop,
  cont,
  system_reset: systemReset,
  system_powerdown: systemPowerdown,
  'query-name': queryName,
} satisfies CommandRegistry;
