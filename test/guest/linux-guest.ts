/**
 * A virtual machine of QEMU that runs Linux and our `init` on a disk that it reaches over NBD.
 *
 * It has two serial ports: the kernel's console, which goes to a file, and one for the lines that
 * `init` tells and is told. Whatever goes wrong ends the machine, and whoever waits for it is told.
 */

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { Signal } from '../../src/sync/signal.ts';
import { type Files, History } from './history.ts';

/** What the machine is made of, each given by its path. */
export interface GuestParts {
  /** The program `qemu-system-x86_64`. */
  readonly qemu: string;
  readonly kernel: string;
  readonly initramfs: string;
  /** The Unix socket where its disk is served by NBD. */
  readonly socket: string;
  /** A file that gets what the kernel says. */
  readonly console: string;
}

export class LinuxGuest implements AsyncDisposable {
  /** What it does to its files in `kept/`. */
  readonly history = new History();
  readonly #qemu: ChildProcessByStdio<Writable, Readable, null>;
  readonly #closed: Promise<unknown>;
  readonly #changed = new Signal();
  readonly #held = new Map<string, string>();
  #phase: 'booting' | 'working' | 'done' = 'booting';
  /** Why it does not run any more. */
  #end: string | undefined;

  /** Switches it on. */
  constructor(parts: GuestParts) {
    this.#qemu = spawn(parts.qemu, machine(parts), { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#closed = once(this.#qemu, 'close');
    // That it is gone is told by the end of QEMU.
    this.#qemu.stdin.on('error', () => {});
    createInterface(this.#qemu.stdout).on('line', (line) => this.#hear(line));
    this.#qemu.on('close', (code, signal) => {
      this.#end ??= `QEMU ended with ${signal ?? code}`;
      this.#changed.notifyAll();
    });
  }

  /** Resolves when it is at work. */
  async booted(): Promise<void> {
    await this.#until(() => this.#phase === 'working');
  }

  /** Resolves when it has acknowledged that many more changes. */
  async change(count: number): Promise<void> {
    const wanted = this.history.acknowledged + count;
    await this.#until(() => this.history.acknowledged >= wanted);
  }

  /** Makes it stop its work, unmount its disk and end. @returns Its files, as it last read them. */
  async shutDown(): Promise<Files> {
    this.#qemu.stdin.write('stop\n');
    await this.#until(() => this.#phase === 'done');
    await this.#closed;
    if (this.#qemu.exitCode !== 0) throw this.#gone();
    return this.#held;
  }

  /** Cuts its power, if it still has any. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#qemu.kill('SIGKILL');
    await this.#closed;
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.#end !== undefined) throw this.#gone();
      await this.#changed.wait();
    }
  }

  /** Takes a line of those that `init` says it tells. */
  #hear(line: string): void {
    const [word, name = '', sum = ''] = line.split(' ');
    try {
      if (word === 'will') this.history.announce(name, sum);
      else if (word === 'kept') this.history.acknowledge(name, sum);
      else if (word === 'holds') this.#held.set(name, sum);
      else if (word === 'working' || word === 'done') this.#phase = word;
      else throw new Error(`it tells what is unknown here: ${line}`);
      this.#changed.notifyAll();
    } catch (error) {
      this.#end = String(error);
      this.#qemu.kill('SIGKILL');
    }
  }

  #gone(): Error {
    const { announced, acknowledged } = this.history;
    const changes = `${acknowledged} of ${announced} changes acknowledged`;
    return new Error(`The guest is gone: ${this.#end} (${this.#phase}, ${changes})`);
  }
}

/** @returns The arguments of QEMU. */
function machine({ kernel, initramfs, socket, console }: GuestParts): readonly string[] {
  const server = `server.type=unix,server.path=${socket}`;
  const accelerator = hasKvm() ? 'kvm' : 'tcg';
  return [
    ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none'],
    ...['-machine', `pc,accel=${accelerator}`, '-cpu', 'max', '-m', '256'],
    // A panic ends the machine, for it would reboot.
    ...['-kernel', kernel, '-initrd', initramfs, '-append', 'console=ttyS0 quiet panic=-1'],
    ...['-serial', `file:${console}`, '-serial', 'stdio'],
    ...['-blockdev', `driver=nbd,node-name=disk,discard=unmap,${server}`],
    ...['-device', 'virtio-blk-pci,drive=disk'],
  ];
}

/** Says no where the device is there, but the processor lacks what makes it fast. */
function hasKvm(): boolean {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return /^flags\s*:.*\b(?:vmx|svm)\b/m.test(readFileSync('/proc/cpuinfo', 'latin1'));
  } catch {
    return false; // There is none, or it is not for us.
  }
}
