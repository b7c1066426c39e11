/** Dirty bitmaps: made, filled by a guest, merged, removed, and what transactions do to them. */

import { abort, DISKS, EXPORT, FILES, KiB, ready, SIZE } from '../mirrors.ts';
import {
  event,
  execute,
  guest,
  type Json,
  type Members,
  poll,
  type Scenario,
  type Step,
} from '../scenario.ts';

const args = [...DISKS, ...EXPORT];

const bitmap = (verb: string, name: string, more: Members = {}): Step =>
  execute(`block-dirty-bitmap-${verb}`, { node: 'source', name, ...more });
const merge = (target: string, bitmaps: readonly Json[], node = 'source'): Step =>
  execute('block-dirty-bitmap-merge', { node, target, bitmaps });
const sha256 = (name: string): Step =>
  execute('x-debug-block-dirty-bitmap-sha256', { node: 'source', name });
const query = execute('query-named-block-nodes', { flat: true });
const show = (id: string, bitmaps: readonly Json[], more: Members = {}): Step =>
  execute('block-export-add', {
    type: 'nbd',
    id,
    name: id,
    'node-name': 'source',
    bitmaps,
    ...more,
  });

const action = (type: string, data: Members) => ({ type, data });
const on = (name: string, more: Members = {}) => ({ node: 'source', name, ...more });
const transaction = (...actions: readonly Json[]): Step => execute('transaction', { actions });

export const bitmaps: readonly Scenario[] = [
  {
    title: 'a bitmap is added with a name and a granularity that are right',
    args,
    files: FILES,
    steps: [
      execute('block-dirty-bitmap-add', { node: 'source' }),
      execute('block-dirty-bitmap-add', { node: 'none', name: 'a' }),
      bitmap('add', ''),
      bitmap('add', 'a'.repeat(1024)),
      bitmap('add', 'a', { granularity: 0 }),
      bitmap('add', 'a', { granularity: 511 }),
      bitmap('add', 'a', { granularity: 256 }),
      bitmap('add', 'a', { granularity: 1000 }),
      bitmap('add', 'a', { granularity: -1 }),
      bitmap('add', 'a', { granularity: 2 ** 32 }),
      bitmap('add', 'a', { persistent: true }),
      bitmap('add', 'a', { autoload: true }),
      bitmap('add', 'a', { granularity: 512 }),
      bitmap('add', 'a'),
      bitmap('add', 'b', { granularity: 2 ** 31 }),
      bitmap('add', 'c', { disabled: true }),
      bitmap('add', 'd', { persistent: false }),
      query,
    ],
  },
  {
    title: 'bitmaps say what a guest has written while they were enabled',
    args,
    files: FILES,
    steps: [
      bitmap('add', 'a'),
      bitmap('add', 'b', { granularity: 4096, disabled: true }),
      guest('disk', 'write -P 2 0 512', 'write -z 128k 512', 'discard 192k 64k'),
      query,
      bitmap('disable', 'a'),
      bitmap('enable', 'b'),
      guest('disk', 'write -P 2 64k 4k'),
      query,
      sha256('a'),
      sha256('b'),
      bitmap('clear', 'a'),
      query,
      sha256('a'),
      bitmap('remove', 'a'),
      bitmap('remove', 'a'),
      bitmap('clear', 'a'),
      bitmap('enable', 'a'),
      bitmap('disable', 'a'),
      sha256('a'),
      query,
    ],
  },
  {
    title: 'bitmaps are merged with others of the same disk or of one as large',
    args,
    files: { ...FILES, 'small.img': 64 * KiB },
    steps: [
      execute('blockdev-add', { driver: 'file', 'node-name': 'small', filename: 'small.img' }),
      bitmap('add', 'a', { granularity: 512 }),
      bitmap('add', 'b', { granularity: 65_536 }),
      bitmap('add', 'c'),
      execute('block-dirty-bitmap-add', { node: 'target', name: 'd' }),
      execute('block-dirty-bitmap-add', { node: 'small', name: 'e' }),
      bitmap('disable', 'c'),
      guest('disk', 'write -P 2 0 512'),
      merge('c', ['a', 'b']),
      merge('b', ['a']),
      merge('a', ['b']),
      merge('d', [{ node: 'source', name: 'a' }], 'target'),
      merge('e', [{ node: 'source', name: 'a' }], 'small'),
      merge('c', ['none']),
      merge('none', ['a']),
      merge('c', [{ node: 'none', name: 'a' }]),
      merge('c', ['c']),
      merge('c', [1]),
      query,
    ],
  },
  {
    title: 'a transaction of bitmaps is done as a whole or not at all',
    args,
    files: FILES,
    steps: [
      bitmap('add', 'a'),
      guest('disk', 'write -P 2 0 512'),
      transaction(),
      execute('transaction'),
      transaction(action('none', {})),
      transaction({ type: 'block-dirty-bitmap-add' }),
      transaction(action('block-dirty-bitmap-add', { node: 'source' })),
      transaction(action('abort', {})),
      transaction(
        action('block-dirty-bitmap-add', on('b')),
        action('block-dirty-bitmap-clear', on('a')),
        action('abort', {}),
      ),
      query,
      transaction(
        action('block-dirty-bitmap-add', on('b', { disabled: true })),
        action('block-dirty-bitmap-merge', { node: 'source', target: 'b', bitmaps: ['a'] }),
        action('block-dirty-bitmap-clear', on('a')),
        action('block-dirty-bitmap-disable', on('a')),
        action('block-dirty-bitmap-enable', on('b')),
      ),
      query,
      transaction(
        action('block-dirty-bitmap-remove', on('a')),
        action('block-dirty-bitmap-remove', on('none')),
      ),
      transaction(
        action('block-dirty-bitmap-remove', on('a')),
        action('block-dirty-bitmap-enable', on('a')),
      ),
      query,
      transaction(
        action('block-dirty-bitmap-remove', on('a')),
        action('block-dirty-bitmap-add', on('a')),
      ),
      query,
    ],
  },
  {
    title: 'a bitmap is used by one export at a time, and by nothing else meanwhile',
    args,
    files: FILES,
    steps: [
      bitmap('add', 'a'),
      bitmap('add', 'b', { disabled: true }),
      show('shown', ['a']),
      show('shown', [on('a')]),
      query,
      show('second', ['a'], { writable: true }),
      show('second', ['b', 'a'], { writable: true }),
      show('second', ['b', 'b', 'none']),
      bitmap('add', 'a'),
      bitmap('remove', 'a'),
      bitmap('clear', 'a'),
      bitmap('enable', 'a'),
      bitmap('disable', 'a'),
      merge('a', ['b']),
      merge('b', ['a']),
      sha256('a'),
      transaction(action('block-dirty-bitmap-remove', on('a'))),
      transaction(
        action('block-dirty-bitmap-clear', on('b')),
        action('block-dirty-bitmap-clear', on('a')),
      ),
      execute('nbd-server-add', { device: 'source', bitmap: 'a', writable: true }),
      execute('block-export-del', { id: 'shown' }),
      event('BLOCK_EXPORT_DELETED', { id: 'shown' }),
      show('shown', ['b', 'b']),
      query,
      bitmap('remove', 'b'),
      bitmap('remove', 'a'),
    ],
  },
  {
    title: 'a disk with a bitmap keeps it through a mirror, and the target has its own',
    args,
    files: FILES,
    steps: [
      bitmap('add', 'a'),
      ...ready(),
      bitmap('add', 'b'),
      guest('disk', 'write -P 2 0 512'),
      poll('query-jobs', `"current-progress": ${SIZE + 64 * KiB}`),
      query,
      execute('block_resize', { 'node-name': 'source', size: 2 * SIZE }),
      ...abort,
      execute('block_resize', { 'node-name': 'source', size: 2 * SIZE }),
      query,
    ],
  },
];
