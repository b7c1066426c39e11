/** Chardevs, as commands and options name them. */

import { enumeration, optional, struct, union } from '../../wire/qapi/composites.ts';
import { bool, int, str } from '../../wire/qapi/scalars.ts';
import type { ValueOf } from '../../wire/qapi/type.ts';
import { socketAddressLegacy } from '../sockets.ts';

/** The kinds that there are. */
export const CHARDEV_TYPES = ['file', 'pipe', 'socket', 'null', 'stdio', 'ringbuf'] as const;

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

/** QEMU's ChardevBackend. */
export const chardevBackend = union('ChardevBackend', {
  members: { type: enumeration('ChardevBackendKind', CHARDEV_TYPES) },
  tag: 'type',
  branches: {
    file: struct('ChardevFileWrapper', { data: file }),
    pipe: struct('ChardevHostdevWrapper', { data: hostDevice }),
    socket: struct('ChardevSocketWrapper', { data: socket }),
    null: struct('ChardevCommonWrapper', { data: plain }),
    stdio: struct('ChardevStdioWrapper', { data: stdio }),
    ringbuf: struct('ChardevRingbufWrapper', { data: ringbuf }),
  },
});

/** A chardev as it is asked for. */
export type ChardevOptions = ValueOf<typeof chardevBackend>;

/** The same of a socket. */
export type ChardevSocketOptions = ValueOf<typeof socket>;
