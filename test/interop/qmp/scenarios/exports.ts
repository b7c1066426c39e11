/** The NBD server and what it exports. */

import { complete, DISKS, EXPORT, FILES, queryJobs, queryNodes, ready, SIZE } from '../mirrors.ts';
import {
  event,
  execute,
  guest,
  type Members,
  type Scenario,
  type Step,
  status,
} from '../scenario.ts';

const SERVER = '--nbd-server=addr.type=unix,addr.path=nbd.sock';
const ADDRESS = { type: 'unix', data: { path: 'nbd.sock' } };

const start = (more: Members = {}): Step => execute('nbd-server-start', { addr: ADDRESS, ...more });
const stop = execute('nbd-server-stop');
const query = execute('query-block-exports');

const add = (more: Members = {}): Step =>
  execute('block-export-add', { type: 'nbd', id: 'export', 'node-name': 'source', ...more });
const del = (id: string, more: Members = {}): Step => execute('block-export-del', { id, ...more });

/** A node `client` that is a client of the server of the scenario. */
const client = (more: Members = {}): Step =>
  execute('blockdev-add', {
    driver: 'nbd',
    'node-name': 'client',
    server: { type: 'unix', path: 'server.sock' },
    ...more,
  });

export const exports: readonly Scenario[] = [
  {
    title: 'a server is started once and stopped once, with all its exports',
    args: DISKS,
    files: FILES,
    steps: [
      stop,
      add(),
      execute('nbd-server-add', { device: 'source' }),
      execute('nbd-server-start'),
      execute('nbd-server-start', { addr: { type: 'none' } }),
      execute('nbd-server-start', { addr: { type: 'unix' } }),
      execute('nbd-server-start', { addr: { type: 'unix', data: {} } }),
      execute('nbd-server-start', { addr: { type: 'unix', data: { path: 'no/where.sock' } } }),
      execute('nbd-server-start', {
        addr: { type: 'inet', data: { host: '127.0.0.1', port: 'x' } },
      }),
      start({ 'tls-creds': 'none' }),
      start({ 'max-connections': -1 }),
      start(),
      start(),
      query,
      add(),
      query,
      stop,
      event('BLOCK_EXPORT_DELETED'),
      query,
      stop,
      start({ 'max-connections': 1 }),
      add({ name: 'disk' }),
      guest('disk', 'read -P 1 0 64k'),
    ],
  },
  {
    title: 'an export has an identifier and a name of its own',
    args: [...DISKS, SERVER],
    files: FILES,
    steps: [
      execute('block-export-add', { type: 'nbd' }),
      execute('block-export-add', { type: 'nbd', id: 'export' }),
      execute('block-export-add', { type: 'none', id: 'export', 'node-name': 'source' }),
      add({ id: '' }),
      add({ id: '1' }),
      add({ 'node-name': 'none' }),
      add({ name: 'n'.repeat(4097) }),
      add({ description: 'd'.repeat(4097) }),
      add({ bitmaps: ['none'] }),
      add({ iothread: 'none' }),
      add({ 'fixed-iothread': 1 }),
      add({ writethrough: 'yes' }),
      add(),
      add(),
      add({ id: 'second' }),
      add({ id: 'second', name: 'second', description: 'the same disk' }),
      query,
      execute('blockdev-del', { 'node-name': 'source' }),
      del('none'),
      del('export', { mode: 'none' }),
      del('export'),
      event('BLOCK_EXPORT_DELETED'),
      del('export'),
      del('second', { mode: 'hard' }),
      event('BLOCK_EXPORT_DELETED'),
      query,
      execute('blockdev-del', { 'node-name': 'source' }),
    ],
  },
  {
    title: 'an export is writable when it is asked to be and its disk is',
    args: [...DISKS, SERVER, '--blockdev=driver=raw,node-name=still,read-only=on,file=target'],
    files: FILES,
    steps: [
      add({ 'node-name': 'still', name: 'still', writable: true }),
      add({ 'node-name': 'still', name: 'still' }),
      guest('still', 'read -P 0 0 64k'),
      guest('still', 'write -P 2 0 64k'),
      add({ id: 'second', name: 'read' }),
      guest('read', 'write -P 2 0 64k'),
      add({ id: 'third', name: 'written', writable: true }),
      guest('written', 'write -P 2 0 64k', 'read -P 2 0 64k', 'read -P 1 64k 64k'),
      guest('none', 'read 0 64k'),
    ],
  },
  {
    title: 'the older commands for exports do the same',
    args: [...DISKS, SERVER],
    files: FILES,
    steps: [
      execute('nbd-server-add'),
      execute('nbd-server-add', { device: 'none' }),
      execute('nbd-server-add', { device: 'source', bitmap: 'none' }),
      execute('nbd-server-add', { device: 'source' }),
      execute('nbd-server-add', { device: 'source' }),
      execute('nbd-server-add', { device: 'source', name: 'disk', writable: true }),
      query,
      guest('disk', 'write -P 2 0 64k'),
      execute('nbd-server-remove'),
      execute('nbd-server-remove', { name: 'none' }),
      execute('nbd-server-remove', { name: 'disk' }),
      event('BLOCK_EXPORT_DELETED'),
      execute('nbd-server-remove', { name: 'source', mode: 'hard' }),
      event('BLOCK_EXPORT_DELETED'),
      query,
    ],
  },
  {
    title: 'a client of NBD says why it cannot be one',
    files: { 'disk.img': SIZE },
    served: 'disk.img',
    steps: [
      execute('blockdev-add', { driver: 'nbd', 'node-name': 'client' }),
      client({ server: { type: 'unix' } }),
      client({ server: { type: 'none' } }),
      client({ server: { type: 'unix', path: 'none.sock' } }),
      client({ server: { type: 'inet', host: '127.0.0.1', port: 'none' } }),
      client({ export: 'none' }),
      client({ export: 'n'.repeat(4097) }),
      client({ 'tls-creds': 'none' }),
      client({ 'reconnect-delay': -1 }),
      client({ none: 1 }),
      client(),
      client(),
      queryNodes,
      execute('blockdev-del', { 'node-name': 'client' }),
    ],
  },
  {
    title: 'a mirror goes to a server of NBD, as a migration of storage does it',
    args: [...DISKS, ...EXPORT],
    files: { ...FILES, 'copy.img': SIZE },
    served: 'copy.img',
    steps: [
      client(),
      execute('block-dirty-bitmap-add', { node: 'source', name: 'bitmap' }),
      ...ready({ target: 'client', 'copy-mode': 'write-blocking' }),
      guest('disk', 'write -P 2 0 64k'),
      ...queryJobs,
      execute('block-job-cancel', { device: 'job' }),
      status('job', 'null'),
      queryNodes,
      execute('blockdev-del', { 'node-name': 'client' }),
      client(),
      ...ready({ target: 'client' }),
      ...complete,
      guest('disk', 'read -P 2 0 64k', 'read -P 1 64k 192k'),
      queryNodes,
    ],
  },
];
