import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Machine } from '../../../../src/machine/machine.ts';
import { MonitorRig, type RigClient } from '../../../support/monitor-rig.ts';
import { withFolder } from '../../../support/temporary.ts';

/** Runs `body` with a client of a machine with two disks, `d` and, read-only, `r`. */
async function withDisks(
  body: (execute: Execute, folder: string, machine: Machine) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    const rig = new MonitorRig();
    const client = await rig.client();
    const { graph } = rig.machine;
    await graph.open({ driver: 'null-co', 'node-name': 'd' });
    await graph.open({ driver: 'null-co', 'node-name': 'r', 'read-only': true });
    await body(executor(client), folder, rig.machine);
    await rig.machine.close();
  });
}

/** Executes a command. @returns What it answers, or the text that it is refused with. */
type Execute = (name: string, given?: object) => Promise<unknown>;

function executor(client: RigClient): Execute {
  return async (name, given) => {
    const answer = await client.execute(name, given);
    return typeof answer === 'object' && answer && 'desc' in answer ? answer.desc : answer;
  };
}

function unixServer(folder: string) {
  return { addr: { type: 'unix', data: { path: join(folder, 'nbd.sock') } } };
}

describe('exports over QMP', () => {
  it('need a server, which is there once', async () => {
    await withDisks(async (execute, folder) => {
      const stopped = 'NBD server not running';
      const addition = { type: 'nbd', id: 'x', 'node-name': 'd' };
      expect(await execute('block-export-add', addition)).toBe(stopped);
      expect(await execute('nbd-server-stop')).toBe(stopped);
      expect(await execute('nbd-server-start', unixServer(folder))).toEqual({});
      const again = 'NBD server already running';
      expect(await execute('nbd-server-start', unixServer(folder))).toBe(again);
      expect(await execute('block-export-add', addition)).toEqual({});
      expect(await execute('nbd-server-stop')).toEqual({});
      expect(await execute('query-block-exports')).toEqual([]);
    });
  });

  it('are listed, the newest first, until they are removed', async () => {
    await withDisks(async (execute, folder) => {
      await execute('nbd-server-start', unixServer(folder));
      await execute('block-export-add', { type: 'nbd', id: 'x', 'node-name': 'd' });
      await execute('nbd-server-add', { device: 'r', writable: true });
      expect(await execute('query-block-exports')).toEqual([
        { id: 'r', type: 'nbd', 'node-name': 'r', 'shutting-down': false },
        { id: 'x', type: 'nbd', 'node-name': 'd', 'shutting-down': false },
      ]);
      expect(await execute('nbd-server-remove', { name: 'r' })).toEqual({});
      expect(await execute('block-export-del', { id: 'x', mode: 'hard' })).toEqual({});
      expect(await execute('query-block-exports')).toEqual([]);
      expect(await execute('block-export-del', { id: 'x' })).toBe("Export 'x' is not found");
    });
  });

  it('go with the medium of the drive that they were added by', async () => {
    await withDisks(async (execute, folder, machine) => {
      machine.drives.add({ name: 'drive' }).insert(machine.graph.find('d'));
      await execute('nbd-server-start', unixServer(folder));
      await execute('nbd-server-add', { device: 'drive' });
      await execute('nbd-server-add', { device: 'd', name: 'node' });
      expect(await execute('eject', { device: 'drive' })).toEqual({});
      expect(await execute('query-block-exports')).toMatchObject([{ id: 'node' }]);
    });
  });

  it.each([
    [{ id: '1x' }, 'Invalid block export id'],
    [{ id: 'taken' }, "Block export id 'taken' is already in use"],
    [{ 'node-name': 'no' }, "Cannot find device='' nor node-name='no'"],
    [{ iothread: 't' }, 'iothread "t" not found'],
    [{ name: 'd' }, "NBD server already has export named 'd'"],
    [{ 'node-name': 'r', writable: true }, 'Cannot export read-only node as writable'],
    [{ bitmaps: ['b'] }, "Bitmap 'b' is not found"],
    [{ bitmaps: [{ node: 'd', name: 'b' }] }, "Dirty bitmap 'b' not found"],
    [{ 'allocation-depth': true }, "Parameter 'allocation-depth' is not supported"],
    [{ type: 'fuse' }, "Parameter 'type' does not accept value 'fuse'"],
  ])("are refused with QEMU's reason: %j", async (wrong, reason) => {
    await withDisks(async (execute, folder) => {
      await execute('nbd-server-start', unixServer(folder));
      await execute('block-export-add', { type: 'nbd', id: 'taken', 'node-name': 'd' });
      const right = { type: 'nbd', id: 'x', 'node-name': 'd', name: 'free' };
      expect(await execute('block-export-add', { ...right, ...wrong })).toBe(reason);
      expect(await execute('query-block-exports')).toHaveLength(1);
    });
  });

  it('are not called by what the protocol has no room for', async () => {
    await withDisks(async (execute, folder) => {
      await execute('nbd-server-start', unixServer(folder));
      const text = 'n'.repeat(4097);
      const right = { type: 'nbd', id: 'x', 'node-name': 'd' };
      const named = await execute('block-export-add', { ...right, name: text });
      expect(named).toBe(`export name '${text}' too long`);
      const described = await execute('block-export-add', { ...right, description: text });
      expect(described).toBe(`description '${text}' too long`);
    });
  });

  it('have the bitmaps that are named', async () => {
    await withDisks(async (execute, folder) => {
      await execute('nbd-server-start', unixServer(folder));
      await execute('block-dirty-bitmap-add', { node: 'd', name: 'b' });
      const bitmaps = [{ node: 'd', name: 'b' }];
      const addition = { type: 'nbd', id: 'x', 'node-name': 'd', bitmaps };
      expect(await execute('block-export-add', addition)).toEqual({});
      const removal = await execute('block-dirty-bitmap-remove', { node: 'd', name: 'b' });
      expect(removal).toContain("Bitmap 'b' is currently in use");
    });
  });
});
