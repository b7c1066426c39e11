import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BYTES, jobEnds, withDisk } from '../../../support/command-disk.ts';

describe('blockdev-create', () => {
  const create = (filename: string, more: object = {}) => ({
    'job-id': 'job',
    options: { driver: 'file', filename, size: 8192, ...more },
  });

  it.each(['off', 'falloc', 'full'])('makes a file with preallocation %s', (preallocation) =>
    withDisk(async (rig, folder) => {
      const path = join(folder, 'new.img');
      writeFileSync(path, 'what was there before');
      const heard = await rig.hear('blockdev-create', create(path, { preallocation }));
      expect(heard.slice(0, 3)).toEqual(['+created', '+running', {}]);
      await jobEnds(rig);
      expect(readFileSync(path)).toEqual(Buffer.alloc(8192));
      expect(await rig.ask('query-jobs')).toEqual([
        {
          id: 'job',
          type: 'create',
          status: 'concluded',
          'current-progress': 1,
          'total-progress': 1,
        },
      ]);
      expect(await rig.ask('query-block-jobs')).toEqual([]);
      expect(await rig.hear('job-dismiss', { id: 'job' })).toEqual(['+null', {}]);
    }),
  );

  it('has failed when it is answered if there cannot be such a file', () =>
    withDisk(async (rig, folder) => {
      const path = join(folder, 'none', 'new.img');
      const heard = await rig.hear('blockdev-create', create(path));
      expect(heard).toEqual(['+created', '+running', '+aborting', '+concluded', {}]);
      const error = `Could not create '${path}': No such file or directory`;
      expect(await rig.ask('query-jobs')).toMatchObject([{ 'current-progress': 1, error }]);
    }));

  it('does not empty a disk that is in use', () =>
    withDisk(async (rig, folder) => {
      const path = join(folder, 'disk.img');
      await rig.hear('blockdev-create', create(path));
      expect(await rig.ask('query-jobs')).toMatchObject([{ error: 'Failed to get "write" lock' }]);
      expect(readFileSync(path)).toEqual(Buffer.from(BYTES));
    }));

  it('is for files, and storage that is given out in some ways', () =>
    withDisk(async (rig, folder) => {
      const options = { driver: 'null-co' };
      expect(await rig.ask('blockdev-create', { 'job-id': 'job', options })).toBe(
        'Driver does not support blockdev-create',
      );
      const path = join(folder, 'new.img');
      await rig.hear('blockdev-create', create(path, { preallocation: 'metadata' }));
      await jobEnds(rig);
      const error = 'Unsupported preallocation mode: metadata';
      expect(await rig.ask('query-jobs')).toMatchObject([{ error }]);
    }));
});
