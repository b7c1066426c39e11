import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BYTES, jobEnds, withDisk } from '../../../support/command-disk.ts';
import type { CommandRig } from '../../../support/command-rig.ts';

async function isReady(rig: CommandRig): Promise<void> {
  while (rig.machine.jobs.find('job')?.status !== 'ready') await rig.ask('query-jobs');
}

describe('drive-mirror', () => {
  it('makes its target, which is gone from the machine when the job ends', () =>
    withDisk(async (rig, folder) => {
      const target = join(folder, 'copy.img');
      const given = { 'job-id': 'job', device: 'disk', target, sync: 'full' };
      expect(await rig.ask('drive-mirror', given)).toEqual({});
      await isReady(rig);
      const nodes = await rig.ask('query-named-block-nodes', { flat: true });
      expect(nodes).toMatchObject([{}, { drv: 'raw', file: target }, { drv: 'file' }, {}, {}]);
      await rig.ask('job-complete', { id: 'job' });
      await jobEnds(rig);
      expect(readFileSync(target)).toEqual(Buffer.from(BYTES));
      expect(await rig.ask('query-named-block-nodes')).toHaveLength(2);
    }));

  it('opens an image that is there, by the name that it is given', () =>
    withDisk(async (rig, folder) => {
      const target = join(folder, 'copy.img');
      const given = { 'job-id': 'job', device: 'disk', target, sync: 'full', mode: 'existing' };
      const reason = `Could not open '${target}': No such file or directory`;
      expect(await rig.ask('drive-mirror', given)).toBe(reason);
      writeFileSync(target, new Uint8Array(65_536));
      expect(await rig.ask('drive-mirror', { ...given, 'node-name': 'copy' })).toEqual({});
      await isReady(rig);
      expect(rig.machine.graph.find('copy').options.driver).toBe('raw');
    }));

  it.each([
    [{ format: 'none' }, "Unknown file format 'none'"],
    [{ format: 'none', mode: 'existing' }, "Unknown driver 'none'"],
    [{ format: 'nbd', mode: 'existing' }, "File name string for NBD must start with 'nbd:'"],
    [{ sync: 'none' }, "Backing file not supported for file format 'raw'"],
    [{ device: 'other' }, "Format driver 'null-co' does not support image creation"],
    [{ target: 'none:x' }, "Unknown protocol 'none'"],
    [{ replaces: 'disk' }, 'a node-name must be provided when replacing a named node of the graph'],
  ])('is refused, and leaves nothing open: %j', (wrong, reason) =>
    withDisk(async (rig, folder) => {
      await rig.ask('blockdev-add', { driver: 'null-co', 'node-name': 'other' });
      const target = join(folder, 'copy.img');
      const given = { 'job-id': 'job', device: 'disk', target, sync: 'full' };
      expect(await rig.ask('drive-mirror', { ...given, ...wrong })).toBe(reason);
      expect(await rig.ask('query-named-block-nodes')).toHaveLength(3);
    }),
  );

  it('leaves nothing open when the job cannot be', () =>
    withDisk(async (rig, folder) => {
      const target = join(folder, 'copy.img');
      const given = { 'job-id': '1', device: 'disk', target, sync: 'full' };
      expect(await rig.ask('drive-mirror', given)).toBe("Invalid job ID '1'");
      expect(await rig.ask('query-named-block-nodes')).toHaveLength(2);
    }));
});
