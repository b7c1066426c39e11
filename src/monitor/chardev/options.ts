/** Chardevs as a command line has them: `socket,id=monitor,path=qmp.sock,server=on,wait=off`. */

import { unreachable } from '../../base/assert.ts';
import { BlockError } from '../../base/errors.ts';
import {
  convertOption,
  type OptionList,
  type OptionType,
  type OptionValue,
} from '../../wire/options/option-list.ts';
import {
  CHARDEV_TYPES,
  type ChardevOptions,
  type ChardevSocketOptions,
} from '../schema/chardev.ts';

/** All options that QEMU has for chardevs of any kind. */
const OPTION_TYPES: Readonly<Record<string, OptionType>> = {
  abstract: 'bool',
  append: 'bool',
  backend: 'string',
  chardev: 'string',
  clipboard: 'bool',
  cols: 'number',
  debug: 'number',
  delay: 'bool',
  fd: 'string',
  height: 'number',
  host: 'string',
  ipv4: 'bool',
  ipv6: 'bool',
  localaddr: 'string',
  localport: 'string',
  logappend: 'bool',
  logfile: 'string',
  mouse: 'bool',
  mux: 'bool',
  name: 'string',
  nodelay: 'bool',
  path: 'string',
  port: 'string',
  reconnect: 'number',
  rows: 'number',
  server: 'bool',
  signal: 'bool',
  size: 'size',
  telnet: 'bool',
  tight: 'bool',
  'tls-authz': 'string',
  'tls-creds': 'string',
  tn3270: 'bool',
  to: 'number',
  wait: 'bool',
  websocket: 'bool',
  width: 'number',
};

/** A chardev to be added. */
export interface ChardevRequest {
  readonly id: string;
  readonly options: ChardevOptions;
}

/** @throws {BlockError} `EINVAL` for options that make no chardev; the reason is QEMU's text. */
export function readChardev({ id, options }: OptionList): ChardevRequest {
  const values = new Values(options.map((option) => [option.name, converted(option)] as const));
  if (id === undefined) throw refuse('chardev: no id specified');
  const backend = values.text('backend');
  if (backend === undefined) throw refuse(`chardev: "${id}" missing backend`);
  const type = CHARDEV_TYPES.find((candidate) => candidate === backend);
  if (type === undefined) throw refuse(`'${backend}' is not a valid char driver name`);
  if (values.flag('mux')) throw refuse("'mux' option is not supported");
  return { id, options: chardevOf(type, values) };
}

/** What `help` tells of the options, a line each. */
export function describeOptions(): readonly string[] {
  const words = { string: 'str', bool: 'bool (on/off)', number: 'num', size: 'size' };
  const lines = Object.entries(OPTION_TYPES).map(([name, type]) => `  ${name}=<${words[type]}>`);
  return ['chardev options:', ...lines];
}

function converted({
  name,
  value,
}: {
  readonly name: string;
  readonly value: string;
}): OptionValue {
  const type = Object.hasOwn(OPTION_TYPES, name) ? OPTION_TYPES[name] : undefined;
  if (type === undefined) throw refuse(`Invalid parameter '${name}'`);
  return convertOption({ name, value }, type);
}

/** Checked values by name, the last of each. */
class Values {
  readonly #values: ReadonlyMap<string, OptionValue>;

  constructor(values: readonly (readonly [name: string, value: OptionValue])[]) {
    this.#values = new Map(values);
  }

  text(name: string): string | undefined {
    const value = this.#values.get(name);
    return value === undefined ? undefined : String(value);
  }

  flag(name: string): boolean | undefined {
    const value = this.#values.get(name);
    return value === undefined ? undefined : value === true;
  }

  number(name: string): number | undefined {
    const value = this.#values.get(name);
    return value === undefined ? undefined : Number(value);
  }
}

function chardevOf(type: (typeof CHARDEV_TYPES)[number], values: Values): ChardevOptions {
  const common = { logfile: values.text('logfile'), logappend: values.flag('logappend') };
  switch (type) {
    case 'null':
      return { type, data: common };
    case 'stdio':
      return { type, data: { ...common, signal: values.flag('signal') } };
    case 'ringbuf':
    case 'memory':
      return { type, data: { ...common, size: values.number('size') } };
    case 'file': {
      const out = values.text('path');
      if (out === undefined) throw refuse('chardev: file: no filename given');
      return { type, data: { ...common, in: undefined, out, append: values.flag('append') } };
    }
    case 'pipe': {
      const device = values.text('path');
      if (device === undefined) throw refuse('chardev: pipe: no device path given');
      return { type, data: { ...common, device } };
    }
    case 'socket':
      return { type, data: { ...common, ...socketOf(values) } };
    default:
      return unreachable(type);
  }
}

function socketOf(values: Values): Omit<ChardevSocketOptions, 'logfile' | 'logappend'> {
  const server = values.flag('server') ?? false;
  return {
    addr: addressOf(values),
    'tls-creds': values.text('tls-creds'),
    'tls-authz': values.text('tls-authz'),
    server,
    wait: values.flag('wait') ?? (server ? true : undefined),
    nodelay: values.flag('nodelay'),
    telnet: values.flag('telnet'),
    tn3270: values.flag('tn3270'),
    websocket: values.flag('websocket'),
    reconnect: values.number('reconnect'),
  };
}

function addressOf(values: Values): ChardevSocketOptions['addr'] {
  const [path, host, fd] = [values.text('path'), values.text('host'), values.text('fd')];
  if ([path, host, fd].filter((given) => given !== undefined).length > 1) {
    throw refuse("None or one of 'path', 'fd' or 'host' option required.");
  }
  if (path !== undefined) {
    const data = { path, abstract: values.flag('abstract'), tight: values.flag('tight') };
    return { type: 'unix', data };
  }
  const port = values.text('port');
  if (host === undefined && port === undefined) return { type: 'fd', data: { str: fd ?? '' } };
  if (port === undefined) throw refuse('chardev: socket: no port given');
  const family = { ipv4: values.flag('ipv4'), ipv6: values.flag('ipv6') };
  const unset = { numeric: undefined, 'keep-alive': undefined, mptcp: undefined };
  const to = values.number('to');
  return { type: 'inet', data: { host: host ?? '', port, to, ...family, ...unset } };
}

function refuse(reason: string): BlockError {
  return new BlockError('EINVAL', 'read a chardev', reason);
}
