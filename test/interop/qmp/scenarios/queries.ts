/** Queries for disks, nodes and the graph between them, and images that are made. */

import { DISKS, EXPORT, FILES, KiB, ready } from '../mirrors.ts';
import { execute, guest, type Members, type Scenario, type Step, status } from '../scenario.ts';

const graph = execute('x-debug-query-block-graph');
const create = (options: Members, id = 'create'): Step =>
  execute('blockdev-create', { 'job-id': id, options });
const created = (options: Members): readonly Step[] => [
  create(options),
  status('create', 'concluded'),
  execute('query-jobs'),
  execute('job-dismiss', { id: 'create' }),
];

export const queries: readonly Scenario[] = [
  {
    title: 'queries of a program without disks have nothing to tell',
    steps: [
      'query-block',
      'query-blockstats',
      'query-block-jobs',
      'query-jobs',
      'query-named-block-nodes',
      'query-block-exports',
      'x-debug-query-block-graph',
      'query-chardev',
    ].map((name) => execute(name)),
  },
  {
    title: 'queries take no arguments but their own',
    steps: [
      execute('query-block', { device: 'disk' }),
      execute('query-blockstats', { 'query-nodes': 1 }),
      execute('query-blockstats', { nodes: true }),
      execute('query-block-jobs', { id: 'job' }),
      execute('query-jobs', {}),
      execute('query-named-block-nodes', { flat: 'on' }),
    ],
  },
  {
    title: 'disks without devices are told of by their nodes',
    args: [...DISKS, ...EXPORT, '--blockdev=driver=raw,node-name=raw,file=target'],
    files: FILES,
    steps: [
      execute('query-block'),
      execute('query-blockstats'),
      execute('query-blockstats', { 'query-nodes': true }),
      execute('query-named-block-nodes'),
      execute('query-named-block-nodes', { flat: false }),
      execute('query-named-block-nodes', { flat: true }),
      guest('disk', 'write -P 2 64k 4k', 'read 0 8k'),
      execute('query-blockstats', { 'query-nodes': true }),
      guest('disk', 'write -z 0 4k', 'discard 0 4k', 'flush'),
      execute('query-blockstats', { 'query-nodes': true }),
    ],
  },
  {
    title: 'the graph is told of with its permissions',
    args: [...DISKS, ...EXPORT, '--blockdev=driver=raw,node-name=raw,file=target,read-only=on'],
    files: FILES,
    steps: [
      graph,
      execute('blockdev-del', { 'node-name': 'raw' }),
      graph,
      ...ready({ 'filter-node-name': 'filter' }),
      graph,
      execute('job-cancel', { id: 'job' }),
      status('job', 'null'),
      graph,
    ],
  },
  {
    title: 'an image is made by a job, which is there until it is dismissed',
    files: { 'old.img': 64 * KiB },
    steps: [
      execute('blockdev-create'),
      execute('blockdev-create', { 'job-id': 'create' }),
      create({ driver: 'file' }),
      create({ driver: 'file', filename: 'new.img' }),
      create({ driver: 'file', filename: 'new.img', size: '1M' }),
      create({ driver: 'file', filename: 'new.img', size: 64 * KiB, none: 1 }),
      create({ driver: 'none', filename: 'new.img', size: 64 * KiB }),
      create({ driver: 'null-co', filename: 'new.img', size: 64 * KiB }),
      create({ driver: 'file', filename: 'new.img', size: 64 * KiB }, '1'),
      ...created({ driver: 'file', filename: 'new.img', size: 64 * KiB }),
      ...created({ driver: 'file', filename: 'old.img', size: 128 * KiB }),
      ...created({ driver: 'file', filename: 'no/where.img', size: 64 * KiB }),
      ...created({ driver: 'file', filename: 'full.img', size: 64 * KiB, preallocation: 'full' }),
      create({ driver: 'file', filename: 'x', size: 64 * KiB, preallocation: 'none' }),
      execute('blockdev-add', { driver: 'file', 'node-name': 'new', filename: 'new.img' }),
      execute('blockdev-add', { driver: 'file', 'node-name': 'old', filename: 'old.img' }),
      execute('query-named-block-nodes', { flat: true }),
    ],
  },
  {
    title: 'a job that makes an image takes no verbs but those of its state',
    steps: [
      create({ driver: 'file', filename: 'new.img', size: 64 * KiB }),
      status('create', 'concluded'),
      ...['pause', 'resume', 'cancel', 'complete', 'finalize'].map((verb) =>
        execute(`job-${verb}`, { id: 'create' }),
      ),
      execute('block-job-cancel', { device: 'create' }),
      execute('query-block-jobs'),
      create({ driver: 'file', filename: 'second.img', size: 64 * KiB }),
      execute('block-job-dismiss', { id: 'create' }),
      execute('job-dismiss', { id: 'create' }),
    ],
  },
];
