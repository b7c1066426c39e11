/**
 * Character devices: what a monitor is connected by, and others.
 *
 * QEMU lists them in the order of a hash table. They have names here for which that is the order in
 * which they were made.
 */

import {
  execute,
  type Json,
  type Members,
  on,
  open,
  type Scenario,
  type Step,
} from '../scenario.ts';

const add = (id: string, type: string, data: Json = {}): Step =>
  execute('chardev-add', { id, backend: { type, data } });
const change = (id: string, type: string, data: Json = {}): Step =>
  execute('chardev-change', { id, backend: { type, data } });
const remove = (id: string): Step => execute('chardev-remove', { id });
const UNIX = { type: 'unix', data: { path: 'b.sock' } };
const INET = { type: 'inet', data: { host: '127.0.0.1', port: '0' } };
const socket = (addr: Json, more: Members): Step => add('b', 'socket', { addr, ...more });
const query = execute('query-chardev');

export const chardevs: readonly Scenario[] = [
  {
    title: 'a character device has an identifier and a backend',
    steps: [
      execute('chardev-add'),
      execute('chardev-add', { id: 'a' }),
      execute('chardev-add', { id: 'a', backend: {} }),
      execute('chardev-add', { id: 'a', backend: { type: 'null' } }),
      add('a', 'none'),
      add('', 'null'),
      add('1', 'null'),
      add('a', 'null', { none: 1 }),
      add('a', 'file'),
      add('a', 'file', { out: 'no/where' }),
      add('a', 'socket', { addr: { type: 'unix', data: { path: 'no/where.sock' } } }),
      add('a', 'ringbuf', { size: 3 }),
      add('a', 'null'),
      add('a', 'null'),
      remove(''),
      remove('1'),
      query,
      remove('none'),
      remove('a'),
      remove('a'),
      query,
    ],
  },
  {
    title: 'a ring buffer gives back what was written to it',
    steps: [
      add('a', 'ringbuf', { size: 8 }),
      execute('ringbuf-write', { device: 'a', data: 'text' }),
      execute('ringbuf-read', { device: 'a', size: 2 }),
      execute('ringbuf-read', { device: 'a', size: 100 }),
      execute('ringbuf-write', { device: 'a', data: '0123456789' }),
      execute('ringbuf-read', { device: 'a', size: 100 }),
      execute('ringbuf-write', { device: 'a', data: 'dGV4dA==', format: 'base64' }),
      execute('ringbuf-read', { device: 'a', size: 100, format: 'base64' }),
      execute('ringbuf-read', { device: 'a', size: 0 }),
      execute('ringbuf-read', { device: 'a', size: -1 }),
      execute('ringbuf-read', { device: 'none', size: 1 }),
      execute('ringbuf-write', { device: 'none', data: '' }),
      execute('ringbuf-write', { device: 'qmp', data: '' }),
      execute('ringbuf-read', { device: 'qmp', size: 1 }),
    ],
  },
  {
    title: 'a backend that a program was built without is none',
    steps: [
      ...['vc', 'msmouse', 'wctablet', 'testdev', 'braille', 'console', 'qemu-vdagent'].map(
        (type) => add('a', type),
      ),
      add('a', 'spicevmc', { type: 'a' }),
      add('a', 'spiceport', { fqdn: 'a' }),
      add('a', 'dbus', { name: 'a' }),
      add('a', 'udp'),
      add('a', 'mux'),
      add('a', 'pipe'),
      add('a', 'memory', { size: 3 }),
      add('b', 'memory', { size: 8 }),
      execute('ringbuf-write', { device: 'b', data: 'text' }),
      execute('ringbuf-read', { device: 'b', size: 8 }),
      query,
    ],
  },
  {
    title: 'what a socket speaks goes together with what it is',
    files: { 'keys.psk': new TextEncoder().encode('qemu:00112233445566778899aabbccddeeff\n') },
    args: [
      ...['--object', 'tls-creds-psk,id=server,dir=.,endpoint=server'],
      ...['--object', 'tls-creds-psk,id=client,dir=.,endpoint=client'],
    ],
    steps: [
      socket(UNIX, { telnet: true, server: true, wait: false }),
      query,
      remove('b'),
      socket(UNIX, { telnet: true, server: false }),
      socket(UNIX, { websocket: true, server: false, wait: true }),
      socket(UNIX, { server: false, wait: true }),
      socket(UNIX, { server: true, reconnect: 1 }),
      socket({ type: 'fd', data: { str: '9' } }, { server: false, reconnect: 1 }),
      socket(UNIX, { 'tls-creds': 'none', 'tls-authz': 'none' }),
      socket(UNIX, { 'tls-authz': 'none', server: false, wait: true }),
      socket(UNIX, { 'tls-creds': 'server', server: true, wait: false }),
      socket(UNIX, { 'tls-creds': 'client', server: false }),
      socket(INET, { 'tls-creds': 'client', server: true, wait: false }),
      socket(INET, { 'tls-creds': 'server', server: false }),
      socket(INET, { 'tls-creds': 'server', server: true, reconnect: 1 }),
      query,
    ],
  },
  {
    title: 'a socket that listens is a character device like others',
    args: ['--chardev', 'null,id=c'],
    steps: [
      query,
      add('b', 'socket', {
        addr: { type: 'unix', data: { path: 'b.sock' } },
        server: true,
        wait: false,
      }),
      query,
      change('none', 'null'),
      change('c', 'null'),
      change('qmp', 'null'),
      remove('qmp'),
      remove('c'),
      remove('b'),
      execute('chardev-send-break', { id: 'none' }),
      execute('chardev-send-break', { id: 'qmp' }),
      query,
    ],
  },
  {
    title: 'a monitor is connected to as often as somebody leaves it',
    args: ['--chardev', 'socket,id=c,path=c.sock,server=on,wait=off', '--monitor', 'c'],
    steps: [query, open('c'), query, ...on('c', execute('qmp_capabilities'), query, remove('b'))],
  },
];
