/** The options of `mirrordisk daemon`, and what each of them does. */

import { describeOptions, readChardev } from '../monitor/chardev/options.ts';
import { nbdServerOptions, startNbdServer } from '../monitor/commands/exports/nbd-server.ts';
import { monitorOptions } from '../monitor/monitor.ts';
import { CHARDEV_TYPES } from '../monitor/schema/chardev.ts';
import { type Keyval, parseKeyval } from '../wire/options/keyval.ts';
import { parseOptionList } from '../wire/options/option-list.ts';
import { type Notation, type Type, wholeOf } from '../wire/qapi/type.ts';
import { parseJson } from '../wire/qmp/json-reader.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../wire/qmp/json-value.ts';
import type { DaemonSyntax } from './daemon-arguments.ts';
import { describeDevices, describeFormats, describeObjects } from './daemon-help.ts';
import type { Daemon } from './daemon-run.ts';

/** What an option leads to: the next one, or the end of the run, with the answer in between. */
export type OptionOutcome =
  | 'next'
  | { readonly exitCode: 0 | 1; readonly lines: readonly string[] };

export interface DaemonOption extends DaemonSyntax {
  /**
   * Does what it says.
   *
   * @throws {BlockError} What cannot be done; the reason is QEMU's text. {@link MonitorError}
   *   likewise.
   */
  process(value: string, daemon: Daemon): Promise<OptionOutcome>;
}

/** Puts the daemon into the background; looked for before the options are processed. */
export const DAEMONIZE: DaemonOption = flag('--daemonize');
/** Shows the version, and nothing else is done. */
export const VERSION: DaemonOption = flag('-V', '--version');
/** Describes the commands and events of QMP, and nothing else is done. */
export const HELP_QMP: DaemonOption = flag('--help-qmp');

/** The guest waits for the command `cont`. */
export const STOPPED: DaemonOption = flag('-S');

/** All of them. */
export const DAEMON_OPTIONS: readonly DaemonOption[] = [
  withValue('--blockdev', async (text, daemon) => {
    return execute(daemon, 'blockdev-add', readOptions(text, 'driver'));
  }),
  withValue('--chardev', addChardev),
  withValue('--export', async (text, daemon) => {
    return execute(daemon, 'block-export-add', readOptions(text, 'type'));
  }),
  withValue('--monitor', async (text, { monitor }) => {
    monitor.open(checked(monitorOptions, readOptions(text, 'chardev')));
    return 'next';
  }),
  withValue('--nbd-server', async (text, { monitor }) => {
    const options = checked(nbdServerOptions, readOptions(text));
    await startNbdServer(monitor.context, options, 'command line');
    return 'next';
  }),
  withValue('--object', addObject),
  withValue('--pidfile', async (path, daemon) => {
    daemon.pidFile = path;
    return 'next';
  }),
  { names: ['-T', '--trace'], hasValue: true, process: trace },
  withValue('--drive', async (text, { guest, location }) => {
    if (/(^|,)format=(help|\?)(,|$)/.test(text)) return { exitCode: 0, lines: describeFormats() };
    await guest.addDrive(text, location);
    return 'next';
  }),
  withValue('--device', async (text, { guest, location }) => {
    if (/^(driver=)?(help|\?)(,|$)/.test(text)) return { exitCode: 0, lines: describeDevices() };
    guest.addDevice(text, location);
    return 'next';
  }),
  withValue('--name', async (text, { guest }) => {
    guest.nameMachine(text);
    return 'next';
  }),
  STOPPED,
  DAEMONIZE,
  VERSION,
  HELP_QMP,
];

function flag(...names: readonly string[]): DaemonOption {
  return { names, hasValue: false, process: async () => 'next' };
}

function withValue(name: string, process: DaemonOption['process']): DaemonOption {
  return { names: [name], hasValue: true, process };
}

/** Options as a tree, and how its scalars are written. */
interface OptionTree {
  readonly values: JsonObject;
  readonly notation: Notation;
}

/** @param impliedName What the first one is if it is a value alone. */
function readOptions(text: string, impliedName?: string): OptionTree {
  if (!text.startsWith('{')) {
    return { values: readKeyval(text, { impliedName, hasHelp: false }).values, notation: 'keyval' };
  }
  const value: JsonValue = parseJson(text);
  return { values: isJsonObject(value) ? value : {}, notation: 'json' };
}

function readKeyval(
  text: string,
  { impliedName, hasHelp }: { readonly impliedName: string | undefined; readonly hasHelp: boolean },
): Keyval {
  return parseKeyval(text, { ...(impliedName !== undefined && { impliedName }), hasHelp });
}

function checked<Value>(type: Type<Value>, { values, notation }: OptionTree): Value {
  return type.read(values, wholeOf(notation));
}

async function execute(
  { monitor: { context } }: Daemon,
  name: string,
  { values, notation }: OptionTree,
): Promise<OptionOutcome> {
  await context.commands[name]?.execute(values, context, notation);
  return 'next';
}

async function addChardev(text: string, daemon: Daemon): Promise<OptionOutcome> {
  const list = parseOptionList(text, { impliedName: 'backend' });
  if (list.options[0]?.name === 'backend' && /^(help|\?)$/.test(list.options[0].value)) {
    const names = CHARDEV_TYPES.map((name) => `  ${name}`);
    return { exitCode: 0, lines: ['Available chardev backend types: ', ...names] };
  }
  if (list.helpWanted) return { exitCode: 1, lines: describeOptions() };
  for (const warning of list.warnings) daemon.report(`warning: ${warning}`);
  const { context } = daemon.monitor;
  await context.chardevs.add({ ...readChardev(list), origin: 'command line' });
  return 'next';
}

async function addObject(text: string, daemon: Daemon): Promise<OptionOutcome> {
  if (!text.startsWith('{')) {
    const given = readKeyval(text, { impliedName: 'qom-type', hasHelp: true });
    if (given.helpWanted) {
      return { exitCode: 0, lines: describeObjects(given.values['qom-type']) };
    }
  }
  return execute(daemon, 'object-add', readOptions(text, 'qom-type'));
}

async function trace(text: string, daemon: Daemon): Promise<OptionOutcome> {
  const { tracer } = daemon;
  if (/^(enable=)?(help|\?)$/.test(text)) return { exitCode: 0, lines: tracer.points };
  for (const warning of tracer.configure(text)) daemon.report(`warning: ${warning}`);
  return 'next';
}
