/**
 * Our daemon with the command line of qemu-system-x86_64, for QEMU's iotests: `node qemu.js ARGS`.
 *
 * Options about what a disk does not see are left out, the short names of others become ours, and
 * monitors are opened when all else is set up, as in QEMU. It is of JavaScript and runs the
 * compiled program, since QEMU's tests start it as they do QEMU.
 */

import { main } from '../../../dist/cli/main.js';
import { processIo } from '../../../dist/cli/process-io.js';
import { nodeEnv } from '../../../dist/env/node.js';

/** Options without a value, and with one, of which nothing is to be seen here. */
const FLAGS = ['nodefaults', 'nographic'];
const IGNORED = ['M', 'accel', 'display', 'machine', 'serial', 'vga'];
const MACHINES = 'Supported machines are:\npc                   Standard PC (default)';

/** What QEMU calls the first monitor that is opened by a short option. */
const MONITOR = 'compat_monitor0';

/** Options that let clients in, which is done when all else is set up. */
const MONITORS = {
  chardev: (value) => ['--chardev', value],
  mon: (value) => ['--monitor', value],
  qmp: (value) => monitor(value, 'mode=control'),
  'qmp-pretty': (value) => monitor(value, 'mode=control,pretty=on'),
  monitor: (value) => monitor(value, 'mode=readline'),
  // Whoever drives the machine's hardware waits for it to connect; it has nothing to say to them.
  qtest: (value) => ['--chardev', value.replace('unix:', 'socket,id=qtest,')],
};

const io = processIo(nodeEnv());
const args = process.argv.slice(2);
if (args[0] === '-machine' && args[1] === 'help') {
  io.out(MACHINES);
} else {
  // Tests look for the name of the program that they have started.
  const err = (line) => io.err(line.replace(/^mirrordisk daemon: (?:-(?=-))?/, 'qemu: '));
  io.finish(await main(['daemon', ...translate(args)], { ...io, err }));
}

/** @returns The options of `mirrordisk daemon` that mean the same. */
function translate([...rest]) {
  // It has a guest, whose end is told.
  const options = ['--name', 'qemu'];
  const monitors = [];
  while (rest.length > 0) {
    const name = rest.shift().replace(/^--?/, '');
    if (FLAGS.includes(name)) continue;
    if (name === 'S') {
      options.push('-S');
      continue;
    }
    const value = rest.shift() ?? '';
    if (Object.hasOwn(MONITORS, name)) monitors.push(...MONITORS[name](value));
    else if (!IGNORED.includes(name)) options.push(`--${name}`, value);
  }
  return [...options, ...monitors];
}

/** @returns The options for a monitor at a chardev that is named in short. */
function monitor(chardev, mode) {
  if (chardev === 'none' || chardev === 'null') return [];
  return ['--chardev', `${chardev},id=${MONITOR}`, '--monitor', `${MONITOR},${mode}`];
}
