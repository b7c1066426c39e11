/** The commands about the machine as a whole. */

import { defineHmpCommand, executeQmp, type HmpAction } from '../command.ts';

/** A command without arguments that is a command of QMP. */
function verb(name: string, qmpName: string, help: string): HmpAction {
  return defineHmpCommand({
    name,
    parameters: '',
    usage: '',
    help,
    run: (_given, context) => executeQmp<void>(context, qmpName),
  });
}

const quit = defineHmpCommand({
  name: 'quit|q',
  parameters: '',
  usage: '',
  help: 'quit the emulator',
  async run(_given, context) {
    await executeQmp(context, 'quit');
    return 'over' as const;
  },
});

const deviceDel = defineHmpCommand({
  name: 'device_del',
  parameters: 'id:s',
  usage: 'device',
  help: 'remove device',
  run: ({ id }, context) => executeQmp<void>(context, 'device_del', { id }),
});

export const machineCommands: readonly HmpAction[] = [
  verb('stop|s', 'stop', 'stop emulation'),
  verb('cont|c', 'cont', 'resume emulation'),
  verb('system_reset', 'system_reset', 'reset the system'),
  verb('system_powerdown', 'system_powerdown', 'send system power down event'),
  deviceDel,
  quit,
];
