/** Objects: throttle groups, secrets, credentials for TLS, I/O threads. */

import { DISKS, FILES } from '../mirrors.ts';
import { execute, type Json, type Members, type Scenario, type Step } from '../scenario.ts';

const add = (type: string, id: string, more: Members = {}): Step =>
  execute('object-add', { 'qom-type': type, id, ...more });
const del = (id: string): Step => execute('object-del', { id });
const get = (path: string, property: string): Step => execute('qom-get', { path, property });
const set = (path: string, property: string, value: Json): Step =>
  execute('qom-set', { path, property, value });
const list = (path: string): Step => execute('qom-list', { path });

const types = (more: Members): Step => execute('qom-list-types', more);

export const objects: readonly Scenario[] = [
  {
    title: 'types of objects are listed by what they are',
    steps: [
      ...['throttle-group', 'iothread', 'secret', 'container', 'none'].map((name) =>
        types({ implements: name }),
      ),
      types({ implements: 'event-loop-base', abstract: true, none: 1 }),
      types({ implements: 'tls-creds-x509', abstract: true }),
      types({ implements: 'chardev-socket', abstract: false }),
      types({ implements: 1 }),
    ],
  },
  {
    title: 'an object has a type and an identifier of its own',
    steps: [
      execute('object-add'),
      execute('object-add', { 'qom-type': 'throttle-group' }),
      execute('object-add', { id: 'a' }),
      add('none', 'a'),
      add('throttle-group', ''),
      add('throttle-group', '1'),
      add('throttle-group', 'a b'),
      add('throttle-group', 'a', { none: 1 }),
      add('throttle-group', 'a', { limits: 1 }),
      add('throttle-group', 'a'),
      add('throttle-group', 'a'),
      add('secret', 'a', { data: 'text' }),
      list('/objects'),
      list('/none'),
      del('none'),
      del('a'),
      del('a'),
      list('/objects'),
      execute('object-del'),
    ],
  },
  {
    title: 'a throttle group has limits that agree with each other',
    steps: [
      add('throttle-group', 'a', { limits: { 'bps-total': -1 } }),
      add('throttle-group', 'a', { limits: { 'bps-total': 1, 'bps-read': 1 } }),
      add('throttle-group', 'a', { limits: { 'iops-total': 1, 'iops-write': 1 } }),
      add('throttle-group', 'a', { limits: { 'bps-total-max': 1 } }),
      add('throttle-group', 'a', { limits: { 'bps-total': 10, 'bps-total-max': 1 } }),
      add('throttle-group', 'a', { limits: { 'bps-total': 1, 'bps-total-max-length': 2 } }),
      add('throttle-group', 'a', { limits: { 'bps-total': 1, 'bps-total-max-length': 0 } }),
      add('throttle-group', 'a', { limits: { 'iops-size': 4096 } }),
      add('throttle-group', 'a', { limits: { 'iops-total': 2 ** 53 } }),
      add('throttle-group', 'a', { limits: { none: 1 } }),
      add('throttle-group', 'a', {
        limits: { 'bps-total': 1000, 'bps-total-max': 2000, 'bps-total-max-length': 2 },
      }),
      get('/objects/a', 'limits'),
      set('/objects/a', 'limits', { 'iops-read': 5 }),
      get('/objects/a', 'limits'),
      set('/objects/a', 'limits', { 'iops-total': 5 }),
      set('/objects/a', 'limits', { 'iops-read': -5 }),
      set('/objects/a', 'limits', 1),
      set('/objects/a', 'none', 1),
      set('/objects/none', 'limits', {}),
      get('/objects/a', 'none'),
      get('/objects/none', 'limits'),
      get('/objects/a', 'type'),
      get('a', 'limits'),
      del('a'),
    ],
  },
  {
    title: 'a throttle group is in use while a disk is in it',
    args: DISKS,
    files: FILES,
    steps: [
      add('throttle-group', 'a', { limits: { 'iops-total': 100 } }),
      execute('blockdev-add', {
        driver: 'throttle',
        'node-name': 'b',
        file: 'source',
        'throttle-group': 'a',
      }),
      del('a'),
      execute('query-named-block-nodes', { flat: true }),
      execute('blockdev-del', { 'node-name': 'b' }),
      del('a'),
    ],
  },
  {
    title: 'a disk that is reopened may join another throttle group',
    args: DISKS,
    files: FILES,
    steps: [
      add('throttle-group', 'a'),
      add('throttle-group', 'c'),
      execute('blockdev-add', {
        driver: 'throttle',
        'node-name': 'b',
        file: 'source',
        'throttle-group': 'a',
      }),
      execute('blockdev-reopen', {
        options: [{ driver: 'throttle', 'node-name': 'b', file: 'source', 'throttle-group': 'c' }],
      }),
      del('a'),
      del('c'),
      execute('blockdev-del', { 'node-name': 'b' }),
      del('c'),
    ],
  },
  {
    title: 'a secret holds data, or what is in a file',
    files: { text: new TextEncoder().encode('a secret'), bytes: Uint8Array.of(0xff, 0) },
    steps: [
      add('secret', 'a'),
      add('secret', 'a', { data: 'text', file: 'text' }),
      add('secret', 'a', { file: 'none' }),
      add('secret', 'a', { data: 'no base64', format: 'base64' }),
      add('secret', 'a', { data: 'text', format: 'none' }),
      add('secret', 'a', { data: 'text', keyid: 'none' }),
      add('secret', 'a', { file: 'text' }),
      add('secret', 'b', { data: 'dGV4dA==', format: 'base64' }),
      add('secret', 'c', { file: 'bytes' }),
      get('/objects/a', 'format'),
      get('/objects/b', 'format'),
      del('a'),
      del('b'),
    ],
  },
  {
    title: 'credentials for TLS are read when they are added',
    files: { 'keys.psk': new TextEncoder().encode(`qemu:${'0123456789abcdef'.repeat(4)}\n`) },
    steps: [
      add('tls-creds-x509', 'a'),
      add('tls-creds-x509', 'a', { dir: 'none', endpoint: 'server' }),
      add('tls-creds-x509', 'a', { dir: '.', endpoint: 'none' }),
      add('tls-creds-psk', 'b', { endpoint: 'server' }),
      add('tls-creds-psk', 'b', { dir: 'none', endpoint: 'server' }),
      add('tls-creds-psk', 'b', { dir: '.', endpoint: 'server' }),
      add('tls-creds-psk', 'c', { dir: '.', endpoint: 'client', username: 'qemu' }),
      add('tls-creds-psk', 'd', { dir: '.', endpoint: 'client', username: 'none' }),
      execute('nbd-server-start', {
        addr: { type: 'unix', data: { path: 'nbd.sock' } },
        'tls-creds': 'b',
      }),
      execute('nbd-server-start', {
        addr: { type: 'inet', data: { host: '127.0.0.1', port: '0' } },
        'tls-creds': 'c',
      }),
      execute('nbd-server-start', {
        addr: { type: 'inet', data: { host: '127.0.0.1', port: '0' } },
        'tls-creds': 'b',
      }),
      del('b'),
    ],
  },
  {
    title: 'an I/O thread is one that a disk is bound to',
    args: DISKS,
    files: FILES,
    steps: [
      add('iothread', 'a', { 'poll-max-ns': -1 }),
      add('iothread', 'a', { 'poll-max-ns': 0 }),
      get('/objects/a', 'poll-max-ns'),
      set('/objects/a', 'poll-max-ns', 1000),
      get('/objects/a', 'poll-max-ns'),
      execute('x-blockdev-set-iothread', { 'node-name': 'source', iothread: 'none' }),
      execute('x-blockdev-set-iothread', { 'node-name': 'none', iothread: 'a' }),
      execute('x-blockdev-set-iothread', { 'node-name': 'source', iothread: 'a' }),
      execute('x-blockdev-set-iothread', { 'node-name': 'source', iothread: null }),
      del('a'),
    ],
  },
];
