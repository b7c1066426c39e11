import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { nodeEnv } from '../../src/env/node.ts';
import { Machine } from '../../src/machine/machine.ts';
import { type DriveStart, openDrive } from '../../src/machine/open-drive.ts';
import { pattern } from '../support/drivers.ts';
import { makeFile, openFilesIn, withFolder } from '../support/temporary.ts';

const SIZE = 256 * 1024;
const refusal = (code: string) => expect.objectContaining({ code });

/** Runs `body` with a machine, and what makes a drive of a disk of zeroes in a file. */
async function withImage(
  body: (
    machine: Machine,
    open: (more?: Omit<DriveStart, 'name'>) => ReturnType<typeof openDrive>,
    path: string,
  ) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    const filename = await makeFile(folder, 'disk.img', SIZE);
    const machine = new Machine(nodeEnv());
    const image = { filename, format: 'raw' };
    try {
      await body(machine, (more) => openDrive(machine, { name: 'd', image, ...more }), filename);
    } finally {
      await machine.close();
    }
    expect(openFilesIn(folder) ?? 0).toBe(0);
  });
}

it('keeps what is written to a snapshot apart from the image, and until the drive goes', () =>
  withImage(async (machine, open, path) => {
    const drive = await open({ snapshot: true });
    const written = pattern(512);
    await drive.edge?.write(4096, written);
    expect(drive.medium?.backing?.options.readOnly).toBe(true);
    const found = new Uint8Array(512);
    await drive.edge?.read(4096, found);
    expect(found).toEqual(written);
    await machine.drives.remove(drive);
    expect(machine.graph.nodes).toEqual([]);
    expect(await readFile(path)).toEqual(Buffer.alloc(SIZE));
  }));

it('writes nothing to a snapshot of a drive that is only read', () =>
  withImage(async (_, open) => {
    const drive = await open({ snapshot: true, readOnly: true });
    expect(drive.medium?.options.readOnly).toBe(true);
  }));

it('keeps in a snapshot what is read, where that is asked for', () =>
  withImage(async (machine, open) => {
    const drive = await open({ snapshot: true, copyOnRead: true });
    await drive.edge?.read(0, new Uint8Array(512));
    const overlay = drive.medium?.filtered;
    expect(await overlay?.blockStatus(0, SIZE)).toMatchObject({ allocated: true, length: 65_536 });
    await machine.drives.remove(drive);
    expect(machine.graph.nodes).toEqual([]);
  }));

it.each([
  ['whose image has nothing behind it', {}],
  ['that is only read', { snapshot: true, readOnly: true }],
])('copies nothing in a drive %s', (_, more) =>
  withImage(async (__, open) => {
    const drive = await open({ copyOnRead: true, ...more });
    expect(drive.medium?.filtered).toBeUndefined();
  }),
);

it('leaves nothing of a drive that cannot be made', () =>
  withImage(async (machine, open) => {
    const missing = { filename: join('no', 'where'), format: 'raw' };
    await expect(open({ image: missing, snapshot: true })).rejects.toThrow(refusal('ENOENT'));
    expect(machine.drives.all).toEqual([]);
    expect(machine.graph.nodes).toEqual([]);
  }));
