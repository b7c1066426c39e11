/** The commands about what is offered by NBD, and about what was given to the machine. */

import { defineHmpCommand, executeQmp, type HmpAction } from '../command.ts';

const add = defineHmpCommand({
  name: 'nbd_server_add',
  parameters: 'writable:-w,device:B,name:s?',
  usage: 'nbd_server_add [-w] device [name]',
  help: 'export a block device via NBD',
  run: ({ writable, device, name }, context) =>
    executeQmp<void>(context, 'nbd-server-add', {
      device,
      ...(name !== undefined && { name }),
      writable,
    }),
});

const remove = defineHmpCommand({
  name: 'nbd_server_remove',
  parameters: 'force:-f,name:s',
  usage: 'nbd_server_remove [-f] name',
  help: 'remove an export previously exposed via NBD',
  run: ({ force, name }, context) =>
    executeQmp<void>(context, 'nbd-server-remove', { name, ...(force && { mode: 'hard' }) }),
});

const stop = defineHmpCommand({
  name: 'nbd_server_stop',
  parameters: '',
  usage: 'nbd_server_stop',
  help: 'stop serving block devices using the NBD protocol',
  run: (_given, context) => executeQmp<void>(context, 'nbd-server-stop'),
});

export const exportCommands: readonly HmpAction[] = [add, remove, stop];
