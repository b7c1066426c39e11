/** What the emulator has beyond the storage daemon: devices, a guest that runs, a human monitor. */

import { FILES } from './mirrors.ts';
import { execute, type Members, type Scenario, type Step } from './scenario.ts';

/** The peer is an emulator whose machine never executes anything, with one free slot. */
export const MACHINE: readonly string[] = [
  '-M',
  'q35',
  '-m',
  '16',
  '-nodefaults',
  '-display',
  'none',
  '-monitor',
  'none',
  '-device',
  'pcie-root-port,id=pci.1',
  // So that a device goes without a guest that agrees to it.
  '-global',
  'ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off',
];

/** What the emulator calls the disk's part that deals with blocks. */
export const BACKEND = '/machine/peripheral/disk/virtio-backend';

/** Options for a disk of a guest, `disk`, which is a drive, on `source.img`. */
export const DRIVE: readonly string[] = [
  '--drive',
  'if=none,id=drive,file=source.img,format=raw,node-name=source',
  '--device',
  'virtio-blk,id=disk,drive=drive',
];

/** Options for the same disk, on a node that was made before. */
export const NODE: readonly string[] = [
  '--blockdev',
  'driver=file,node-name=source,filename=source.img',
  '--device',
  'virtio-blk,id=disk,drive=source',
];

/** A scenario for the emulator, whose guest is stopped before its first instruction. */
export function emulated(
  title: string,
  args: readonly string[],
  steps: readonly (Step | readonly Step[])[],
  files: Scenario['files'] = FILES,
): Scenario {
  return { title, machine: MACHINE, args: ['-S', ...args], files, steps: steps.flat() };
}

/** A command of the human monitor. */
export function human(line: string, more: Members = {}): Step {
  return execute('human-monitor-command', { 'command-line': line, ...more });
}
