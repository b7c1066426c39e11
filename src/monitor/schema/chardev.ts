/** Chardevs, as commands and options name them. */

import { enumeration, optional, struct, union } from '../../wire/qapi/composites.ts';
import { bool, int, str } from '../../wire/qapi/scalars.ts';
import type { Members, ValueOf } from '../../wire/qapi/type.ts';
import { socketAddressLegacy } from '../sockets.ts';

/** The kinds that there are. */
export const CHARDEV_TYPES = [
  'file',
  'pipe',
  'socket',
  'null',
  'stdio',
  'ringbuf',
  'memory',
] as const;

const common = { logfile: optional(str), logappend: optional(bool) };

const file = struct('ChardevFile', {
  ...common,
  in: optional(str),
  out: str,
  append: optional(bool),
});

const hostDevice = struct('ChardevHostdev', { ...common, device: str });

const socket = struct('ChardevSocket', {
  ...common,
  addr: socketAddressLegacy,
  'tls-creds': optional(str),
  'tls-authz': optional(str),
  server: optional(bool),
  wait: optional(bool),
  nodelay: optional(bool),
  telnet: optional(bool),
  tn3270: optional(bool),
  websocket: optional(bool),
  reconnect: optional(int),
});

const plain = struct('ChardevCommon', common);

const stdio = struct('ChardevStdio', { ...common, signal: optional(bool) });

const ringbuf = struct('ChardevRingbuf', { ...common, size: optional(int) });

const hostDeviceWrapper = struct('ChardevHostdevWrapper', { data: hostDevice });
const plainWrapper = struct('ChardevCommonWrapper', { data: plain });
const ringbufWrapper = struct('ChardevRingbufWrapper', { data: ringbuf });

/** A kind of that name, and nothing of JavaScript. */
const CONSOLE = 'console';

/** All that QEMU knows; one that there is not is refused as by a QEMU that is built without it. */
const branches = {
  file: struct('ChardevFileWrapper', { data: file }),
  serial: hostDeviceWrapper,
  parallel: hostDeviceWrapper,
  pipe: hostDeviceWrapper,
  socket: struct('ChardevSocketWrapper', { data: socket }),
  udp: wrapped('ChardevUdp', {
    remote: socketAddressLegacy,
    local: optional(socketAddressLegacy),
  }),
  pty: plainWrapper,
  null: plainWrapper,
  mux: named('ChardevMux', 'chardev'),
  msmouse: plainWrapper,
  wctablet: plainWrapper,
  braille: plainWrapper,
  testdev: plainWrapper,
  stdio: struct('ChardevStdioWrapper', { data: stdio }),
  [CONSOLE]: plainWrapper,
  spicevmc: named('ChardevSpiceChannel', 'type'),
  spiceport: named('ChardevSpicePort', 'fqdn'),
  'qemu-vdagent': wrapped('ChardevQemuVDAgent', {
    mouse: optional(bool),
    clipboard: optional(bool),
  }),
  dbus: named('ChardevDBus', 'name'),
  vc: wrapped('ChardevVC', {
    width: optional(int),
    height: optional(int),
    cols: optional(int),
    rows: optional(int),
  }),
  ringbuf: ringbufWrapper,
  memory: ringbufWrapper,
};

/** QEMU's ChardevBackend. */
export const chardevBackend = union('ChardevBackend', {
  members: { type: enumeration('ChardevBackendKind', Object.keys(branches)) },
  tag: 'type',
  branches,
});

/** A chardev as it is asked for. */
export type ChardevOptions = ValueOf<typeof chardevBackend>;

/** The same of a socket. */
export type ChardevSocketOptions = ValueOf<typeof socket>;

function wrapped(name: string, members: Members) {
  return struct(`${name}Wrapper`, { data: struct(name, { ...common, ...members }) });
}

function named(name: string, member: string) {
  return wrapped(name, { [member]: str });
}
