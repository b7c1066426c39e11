/** All commands of qemu-io that a monitor has, and `help`, which tells of them. */

import { breakpointCommands } from './breakpoints.ts';
import { type IoCommand, usageOf } from './command.ts';
import { alloc, map } from './extents.ts';
import { imageCommands } from './image.ts';
import { aioRead, read, readv } from './read.ts';
import { reopen } from './reopen.ts';
import { aioFlush, sleep } from './waiting.ts';
import { aioWrite, write, writev } from './write.ts';

const help: IoCommand = {
  name: 'help',
  alias: '?',
  usage: '[command]',
  summary: 'help for one or all commands',
  countMax: 1,
  run([name], { print }) {
    if (name === undefined) {
      for (const command of IO_COMMANDS) print(`${usageOf(command)}\n`);
      print("\nUse 'help commandname' for extended help.\n");
      return;
    }
    const command = findIoCommand(name);
    print(command ? `${usageOf(command, name)}\n` : `command ${name} not found\n`);
  },
};

/** In the order of their names. */
const IO_COMMANDS: readonly IoCommand[] = [
  aioFlush,
  aioRead,
  aioWrite,
  alloc,
  ...breakpointCommands,
  ...imageCommands,
  help,
  map,
  read,
  readv,
  reopen,
  sleep,
  write,
  writev,
].sort((a, b) => (a.name < b.name ? -1 : 1));

/** @param name Its name or its alias. */
export function findIoCommand(name: string): IoCommand | undefined {
  return IO_COMMANDS.find((command) => command.name === name || command.alias === name);
}
