/**
 * What a scenario of the corpus is: a daemon started with some options, and the steps of those who
 * talk to it. Every path in it is relative, as each run has a folder of its own.
 */

/** A value as QMP has them. */
export type Json = null | boolean | number | string | readonly Json[] | Members;
export type Members = { readonly [name: string]: Json };

export interface Scenario {
  /** A rule that both programs keep. */
  readonly title: string;
  /** Files that are there when the daemon starts: the size of an empty one, or what is in it. */
  readonly files?: Readonly<Record<string, number | Uint8Array>>;
  /** Options of the daemon, in addition to a monitor named "qmp". @default none */
  readonly args?: readonly string[];
  /** A file that a server of NBD of a third party offers at `server.sock`. @default none */
  readonly served?: string;
  /**
   * What the peer needs on top when it is no storage daemon, but the whole emulator: its machine
   * and the like. @default the peer is qemu-storage-daemon
   */
  readonly machine?: readonly string[];
  /** The program refuses the options, and ends by itself. @default false */
  readonly isRefused?: boolean;
  readonly steps?: readonly Step[];
}

/** One thing that is done from outside; where it says a monitor, "qmp" is the one always there. */
export type Step =
  /** Connects to `MONITOR.sock` and reads the greeting. */
  | { readonly kind: 'open'; readonly monitor: string }
  | { readonly kind: 'close'; readonly monitor: string }
  /** Tells the program to end, and waits until it has. */
  | { readonly kind: 'quit'; readonly monitor: string }
  /** Sends text, and waits for as many replies. */
  | {
      readonly kind: 'send';
      readonly monitor: string;
      readonly text: string;
      readonly replies: number;
    }
  /** Sends a command again and again, until the reply contains the text; the last one counts. */
  | {
      readonly kind: 'poll';
      readonly monitor: string;
      readonly text: string;
      readonly until: string;
    }
  /** Waits for an event of that name whose data has these members. */
  | {
      readonly kind: 'event';
      readonly monitor: string;
      readonly name: string;
      readonly data: Members;
    }
  /** Steps of which chance decides in what order the program answers them. */
  | { readonly kind: 'race'; readonly monitor: string; readonly steps: readonly Step[] }
  /** A guest that uses an NBD export by commands of qemu-io. */
  | { readonly kind: 'guest'; readonly export: string; readonly commands: readonly string[] };

/** Sends a command and waits for its reply. @param more Other members, such as `id`. */
export function execute(command: string, args?: Members, more: Members = {}): Step {
  return send(JSON.stringify({ execute: command, ...(args && { arguments: args }), ...more }));
}

/** Sends a line as it is, and waits for the replies to it. */
export function send(text: string, replies = 1): Step {
  return { kind: 'send', monitor: 'qmp', text: `${text}\n`, replies };
}

/** Sends bytes that are no whole message yet. */
export function begin(text: string): Step {
  return { kind: 'send', monitor: 'qmp', text, replies: 0 };
}

/** Sends a command until its reply contains the text. */
export function poll(command: string, until: string): Step {
  return { kind: 'poll', monitor: 'qmp', text: `${JSON.stringify({ execute: command })}\n`, until };
}

/** Waits for an event that has not been waited for. */
export function event(name: string, data: Members = {}): Step {
  return { kind: 'event', monitor: 'qmp', name, data };
}

/** Waits until a job says that it has the status. */
export function status(id: string, is: string): Step {
  return event('JOB_STATUS_CHANGE', { id, status: is });
}

/** Steps whose replies and events come in an order that QEMU leaves to chance. */
export function race(...steps: readonly Step[]): Step {
  return { kind: 'race', monitor: 'qmp', steps };
}

/** Connects to another monitor, without any negotiation. */
export function open(monitor: string): Step {
  return { kind: 'open', monitor };
}

/** Leaves a monitor. */
export function close(monitor: string): Step {
  return { kind: 'close', monitor };
}

/** Ends the program; a scenario does so at its end anyway. */
export function quit(): Step {
  return { kind: 'quit', monitor: 'qmp' };
}

/** The same steps at another monitor. */
export function on(monitor: string, ...steps: readonly Step[]): readonly Step[] {
  return steps.map((step) => ('monitor' in step ? { ...step, monitor } : step));
}

/** A guest on the export of that name, at `nbd.sock`, runs commands of qemu-io. */
export function guest(name: string, ...commands: readonly string[]): Step {
  return { kind: 'guest', export: name, commands };
}
