/** A guest at work on a disk of ours that it reaches over NBD. */

import { randomBytes } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Disk, openDisk } from '../../src/machine/disk.ts';
import { withFolder } from '../support/temporary.ts';
import type { Tool } from '../support/tools.ts';
import { Ext4Image, type Ext4Tools } from './ext4-image.ts';
import { type InitramfsTools, makeInitramfs } from './initramfs.ts';
import { LinuxGuest } from './linux-guest.ts';
import { findPackages } from './packages.ts';

const DISK_SIZE = 64 * 1024 * 1024;
/** How long a guest and what is done with it may take. */
const LIFE_MAX_MS = 120_000;
const CONSOLE_LINES_MAX = 50;
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** The programs that all this takes. */
export interface GuestTools extends Ext4Tools, InitramfsTools {
  readonly qemu: Tool;
}

/** What a test has in its hands. */
export interface GuestWorld {
  /** At work on the disk. */
  readonly guest: LinuxGuest;
  /** To be closed before anybody looks at the images. */
  readonly disk: Disk;
  /** What the disk was opened from. */
  readonly source: Ext4Image;
  /** An image to be made by a mirror that is finished, and one by a mirror that switches. */
  readonly copy: Ext4Image;
  readonly target: Ext4Image;
}

/** Runs `body` on a guest at work; nothing is left of it all, however it ends. */
export async function withGuest(
  tools: GuestTools,
  body: (world: GuestWorld) => Promise<void>,
): Promise<void> {
  const { kernel, ...programs } = await findPackages();
  await withFolder((folder) =>
    removedBySignals(folder, async () => {
      const [initramfs, console] = [join(folder, 'initramfs'), join(folder, 'console')];
      const socket = join(folder, 'nbd');
      const image = (name: string) => new Ext4Image(join(folder, name), tools);
      const [source, copy, target] = [image('source'), image('copy'), image('target')];
      await writeFile(initramfs, await makeInitramfs(programs, tools));
      // Zeroes would not be copied, nor missed.
      await writeFile(source.path, randomBytes(DISK_SIZE));
      await using disk = await openDisk(source.path);
      await using _server = await disk.serve({ address: { type: 'unix', path: socket } });
      const parts = { qemu: tools.qemu.path, kernel, initramfs, socket, console };
      try {
        await using guest = new LinuxGuest(parts);
        await inTime(async () => {
          await guest.booted();
          await body({ guest, disk, source, copy, target });
        });
      } catch (error) {
        process.stderr.write(`The end of the guest's console:\n${await endOf(console)}\n`);
        throw error;
      }
    }),
  );
}

/** Runs `body`; a signal that ends this process meanwhile removes the folder first. */
async function removedBySignals(folder: string, body: () => Promise<void>): Promise<void> {
  const remove = (signal: NodeJS.Signals) => {
    rmSync(folder, { recursive: true, force: true });
    process.kill(process.pid, signal);
  };
  for (const signal of SIGNALS) process.once(signal, remove);
  try {
    await body();
  } finally {
    for (const signal of SIGNALS) process.off(signal, remove);
  }
}

/** @throws {Error} When it takes too long. */
async function inTime(body: () => Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('The guest takes too long')), LIFE_MAX_MS);
  });
  try {
    await Promise.race([body(), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** @returns The last lines of a file; none of one that is not there. */
async function endOf(path: string): Promise<string> {
  const text = existsSync(path) ? await readFile(path, 'latin1') : '';
  return text.trimEnd().split('\n').slice(-CONSOLE_LINES_MAX).join('\n');
}
