/** `daemon`: disks, exports and jobs that QMP clients manage, with the options of QEMU's. */

import { BlockError } from '../../base/errors.ts';
import { MonitorError } from '../../monitor/command.ts';
import { commands } from '../../monitor/commands/index.ts';
import { events } from '../../monitor/events.ts';
import { describeSchema } from '../../monitor/reference.ts';
import { type Command, type CommandIo, type ExitCode, UsageError } from '../command.ts';
import { type GivenOption, splitArguments } from '../daemon-arguments.ts';
import {
  DAEMON_OPTIONS,
  DAEMONIZE,
  type DaemonOption,
  HELP_QMP,
  STOPPED,
  VERSION,
} from '../daemon-options.ts';
import { Daemon } from '../daemon-run.ts';
import { daemonize, isInBackground, leaveForeground } from '../daemonize.ts';
import { writePidFile } from '../pid-file.ts';
import { version } from '../version.ts';

export const daemon: Command = {
  name: 'daemon',
  summary: 'Serve disks under QMP, in the place of qemu-storage-daemon',
  usage: `Usage: mirrordisk daemon [OPTIONS]

Disks, NBD exports and mirrors, managed over QMP, with the options, commands and
messages of qemu-storage-daemon 7.2. Options are processed in their order. It
ends with the command quit, or with SIGTERM or Ctrl-C.

  --blockdev [driver=]DRIVER[,node-name=NAME][,OPTION=VALUE...]
             Open a disk; also as JSON: '{"driver": ...}'
  --chardev KIND,id=ID[,OPTION=VALUE...]
             Make a way in for clients: socket, stdio, pipe, file,
             ringbuf or null
  --monitor [chardev=]ID[,mode=control|readline][,pretty=on|off]
             Let QMP be spoken there, or the language for people
  --nbd-server addr.type=unix,addr.path=PATH[,OPTION=VALUE...]
  --nbd-server addr.type=inet,addr.host=HOST,addr.port=PORT[,OPTION=VALUE...]
  --nbd-server addr.type=fd,addr.str=DESCRIPTOR[,OPTION=VALUE...]
             Start the NBD server; with tls-creds=ID, max-connections=N
  --export [type=]nbd,id=ID,node-name=NAME[,name=EXPORT][,writable=on|off]
           [,bitmaps.0=BITMAP...]
             Export a disk there
  --object TYPE,id=ID[,OPTION=VALUE...]
             Make an object; "help" lists the types, "TYPE,help" their options
  --drive [file=NAME][,format=FORMAT][,id=ID][,if=none|virtio][,OPTION=VALUE...]
             Make a drive, as QEMU does, with an image in it or empty
  --device virtio-blk,drive=DRIVE-OR-NODE[,id=ID][,PROPERTY=VALUE...]
             Give the guest a disk; "help" lists what there is
  --name NAME
             Call the machine so
  -S         Let the guest wait for the command cont
  --pidfile PATH
             Write the number of the process to a file once all is set up
  --daemonize
             Go into the background once all is set up
  -T, --trace [enable=]PATTERN[,file=FILE][,events=FILE]
             Tell of what happens inside; "help" lists the trace points
  --help-qmp Describe the commands and events of QMP
  -V, --version
             Show the version

Example:
  mirrordisk daemon --blockdev file,filename=disk.img,node-name=disk \\
    --chardev socket,id=qmp,path=qmp.sock,server=on,wait=off --monitor qmp

Exit codes: 0 it was ended, 1 it could not be set up.`,

  async run(args, io) {
    try {
      const given = splitArguments(args, DAEMON_OPTIONS);
      return await runAs(given, args, io);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      io.err(`mirrordisk daemon: ${error.message}`);
      return 1;
    }
  },
};

type Given = readonly GivenOption<DaemonOption>[];

async function runAs(given: Given, args: readonly string[], io: CommandIo): Promise<ExitCode> {
  if (given.some(({ option }) => option === VERSION)) {
    io.out(`mirrordisk daemon ${version()}`);
    return 0;
  }
  if (given.some(({ option }) => option === HELP_QMP)) {
    for (const line of describeSchema({ commands, events })) io.out(line);
    return 0;
  }
  const inBackground = given.some(({ option }) => option === DAEMONIZE);
  if (inBackground && !isInBackground()) return daemonize(args, io);
  const autostart = !given.some(({ option }) => option === STOPPED);
  return runHere(given, new Daemon({ io, isInBackground: inBackground, autostart }));
}

async function runHere(given: Given, daemon: Daemon): Promise<ExitCode> {
  const { io } = daemon;
  const release = io.onInterrupt(() => daemon.end());
  // A daemon that nothing can happen to but a signal is not over.
  const vigil = io.env.clock.after(Infinity, () => {});
  try {
    const setUp = setUpAll(given, daemon);
    // A signal ends also a setting up that waits for a client.
    const exitCode = await Promise.race([setUp, daemon.asked]);
    if (exitCode !== undefined) return exitCode;
    daemon.location = undefined;
    await daemon.asked;
    return 0;
  } finally {
    await daemon.close();
    vigil.cancel();
    release();
  }
}

/** @returns The exit code if that was all. */
async function setUpAll(given: Given, daemon: Daemon): Promise<ExitCode | undefined> {
  try {
    for (const { option, value, text } of given) {
      daemon.location = text;
      if (!option) throw new UsageError('Unexpected argument');
      const outcome = await option.process(value, daemon);
      if (outcome === 'next') continue;
      for (const line of outcome.lines) daemon.io.out(line);
      return outcome.exitCode;
    }
    for (const { location, make } of daemon.guest.devices) {
      daemon.location = location;
      make();
    }
    daemon.location = undefined;
    if (daemon.pidFile !== undefined) await writePidFile(daemon.pidFile, daemon.io);
    leaveForeground();
    return undefined;
  } catch (error) {
    if (daemon.isEnding) return undefined;
    daemon.report(reasonOf(error));
    return 1;
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof MonitorError || error instanceof UsageError) return error.message;
  if (!(error instanceof BlockError)) throw error;
  const { reason, hint } = error;
  return hint === undefined ? reason : `${reason}\n${hint}`;
}
