import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished } from 'vitest';
import { alignUp } from '../../src/base/ranges.ts';
import { extents } from '../../src/block/extents.ts';
import { BlockGraph } from '../../src/block/graph.ts';
import { drivers } from '../../src/drivers/index.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { openDisk } from '../../src/index.ts';
import { driverContract } from '../contract/driver-contract.ts';
import type { DriverConfiguration } from '../contract/driver-rig.ts';
import { pattern } from '../support/drivers.ts';
import {
  type RunningServer,
  startNbdkit,
  startQemuNbd,
  startStorageDaemon,
  whyNot,
} from '../support/nbd-servers.ts';
import { makeFile, withFolder } from '../support/temporary.ts';
import { interop, type Tool } from '../support/tools.ts';

const MiB = 1024 * 1024;

const sectors = (size: number) => alignUp(size, 512);

/** A disk that a server exports, as the contract wants it. */
function exported(
  name: string,
  start: (folder: string, size: number) => Promise<RunningServer>,
  options: Partial<DriverConfiguration> & { readonly export?: string } = {},
): void {
  driverContract({
    name: `nbd, ${name}`,
    ...options,
    options: async (size, folder) => {
      const { path } = await start(folder, size);
      const exportName = options.export ?? '';
      return { driver: 'nbd', server: { type: 'unix', path }, export: exportName };
    },
  });
}

/** @param args Of nbdkit, with `SIZE` for that of the disk. */
function nbdkit(name: string, args: string, options: Partial<DriverConfiguration> = {}): void {
  const start = (folder: string, size: number) =>
    startNbdkit(folder, args.replace('SIZE', `${options.sizeOf?.(size) ?? size}`).split(' '));
  exported(`nbdkit ${name}`, start, { skip: whyNot('nbdkit'), ...options });
}

nbdkit('as it is', 'memory SIZE');
nbdkit('newstyle that is not fixed', '--mask-handshake=0 memory SIZE');
nbdkit('with zeroes in the handshake', '--mask-handshake=1 memory SIZE');
nbdkit('without structured replies', '--no-sr memory SIZE');
nbdkit('without zeroes and extents', '--filter=nozero --filter=noextents memory SIZE');
nbdkit('without FUA', '--filter=fua memory SIZE');

const BLOCK = 4096;
const POLICY = 'blocksize-error-policy=error blocksize-minimum=4K blocksize-maximum=64K';
nbdkit('with block sizes', `--filter=blocksize-policy memory SIZE ${POLICY}`, {
  sizeOf: (size) => alignUp(size, BLOCK),
});

exported(
  // With most plugins it offers in the oldstyle what it then refuses, but not with this one.
  'nbdkit oldstyle',
  async (folder, size) =>
    startNbdkit(folder, [
      '--oldstyle',
      '--filter=nozero',
      'split',
      await makeFile(folder, 'disk', size),
    ]),
  { skip: whyNot('nbdkit') },
);

exported(
  'nbdkit on a file',
  async (folder, size) => startNbdkit(folder, ['file', await makeFile(folder, 'disk', size)]),
  { skip: whyNot('nbdkit') },
);

exported(
  'qemu-nbd',
  async (folder, size) =>
    startQemuNbd(folder, ['--format=raw', '--discard=unmap', await makeFile(folder, 'disk', size)]),
  { sizeOf: sectors, skip: whyNot('qemu-nbd') },
);

exported(
  'qemu-storage-daemon',
  async (folder, size) =>
    startStorageDaemon(folder, [
      `--blockdev=file,filename=${await makeFile(folder, 'disk', size)},node-name=file`,
      '--blockdev=raw,file=file,node-name=disk',
    ]),
  { sizeOf: sectors, export: 'disk', skip: whyNot('qemu-storage-daemon') },
);

describe('NBD client and servers of others', () => {
  const { it } = interop('nbdkit', 'qemu-img', 'qemu-io', 'qemu-nbd');

  it('says what the server says of an error', () =>
    withFolder(async (folder) => {
      const args = ['--filter=error', 'memory', '1M', 'error=ENOSPC', 'error-pwrite-rate=100%'];
      const { path } = await startNbdkit(folder, args);
      const { node, graph } = await open(path);
      const failed = (async () => node.write(0, new Uint8Array(512)))();
      await expect(failed).rejects.toMatchObject({ code: 'ENOSPC' });
      await node.read(0, new Uint8Array(512));
      await graph.closeAll();
    }));

  it('carries out requests that the server answers in another order', () =>
    withFolder(async (folder) => {
      const image = await makeFile(folder, 'disk', 0);
      await writeFile(image, pattern(MiB));
      const args = ['--filter=delay', 'file', image, 'rdelay=5ms'];
      const { path } = await startNbdkit(folder, args);
      const { node, graph } = await open(path);
      const reads = Array.from({ length: 128 }, async (_, index) => {
        const into = new Uint8Array(8192);
        await node.read(8192 * index, into);
        const expected = pattern(MiB).subarray(8192 * index, 8192 * (index + 1));
        expect(Buffer.compare(into, expected)).toBe(0);
      });
      await Promise.all(reads);
      await graph.closeAll();
    }));

  it('names an export that is not there as QEMU does', () =>
    withFolder(async (folder) => {
      const image = await makeFile(folder, 'disk', MiB);
      const { path } = await startQemuNbd(folder, ['--format=raw', '--export-name=one', image]);
      const { node, graph } = await open(path, { export: 'one' });
      expect(node.size).toBe(MiB);
      await graph.closeAll();
      const missing = open(path, { export: 'two' });
      await expect(missing).rejects.toMatchObject({ code: 'ENOENT' });
      await expect(missing).rejects.toThrow('Requested export not available (server reported: ');
    }));

  it('refuses to write to what the server serves for reading only', () =>
    withFolder(async (folder) => {
      const { path } = await startNbdkit(folder, ['--readonly', 'memory', '1M']);
      await expect(open(path)).rejects.toMatchObject({ code: 'EACCES' });
      const { graph } = await open(path, { 'read-only': true });
      await graph.closeAll();
    }));

  it('shows the dirty bits of a bitmap of QEMU', (_, qemuImg, qemuIo) =>
    withFolder(async (folder) => {
      const image = join(folder, 'disk.qcow2');
      await qemuImg(['create', '-q', '-f', 'qcow2', image, '1M']);
      await qemuImg(['bitmap', '--add', image, 'changes']);
      await qemuIo(['-f', 'qcow2', '-c', 'write 64k 64k', image]);
      const { path } = await startQemuNbd(folder, ['--format=qcow2', '--bitmap=changes', image]);
      const context = 'qemu:dirty-bitmap:changes';
      const { node, graph } = await open(path, { 'x-dirty-bitmap': context });
      const found = [];
      for await (const { offset, data } of extents(node, { offset: 0, length: MiB })) {
        found.push([offset, data]);
      }
      // QEMU's client shows dirty bits where the holes are otherwise.
      expect(found).toEqual([
        [0, true],
        [64 * 1024, false],
        [128 * 1024, true],
      ]);
      await graph.closeAll();
      const other = open(path, { 'x-dirty-bitmap': 'qemu:dirty-bitmap:other' });
      await expect(other).rejects.toThrow(
        'requested x-dirty-bitmap qemu:dirty-bitmap:other not found',
      );
    }));

  it('mirrors to a server that is killed and comes back, again and again', (_, qemuImg) =>
    withFolder(async (folder) => {
      const [source, copy] = [join(folder, 'disk'), await makeFile(folder, 'copy', 32 * MiB)];
      await writeFile(source, pattern(32 * MiB));
      let server = await startNbdkit(folder, ['file', copy]);
      const disk = await openDisk(source);
      const mirror = await disk.mirror(
        {
          driver: 'nbd',
          server: { type: 'unix', path: server.path },
          'reconnect-delay': 60,
        },
        { speed: 16 * MiB },
      );
      // At this speed all of these come while it copies, unless the machine is slow.
      for (let kills = 1; kills <= 8; kills += 1) {
        await new Promise((resolve) => setTimeout(resolve, 150));
        await server.kill();
        await disk.write(kills * MiB, pattern(512, kills));
        await rm(server.path, { force: true });
        await rm(`${server.path}.pid`, { force: true });
        server = await startNbdkit(folder, ['file', copy]);
      }
      await mirror.ready;
      await mirror.finish();
      await disk.close();
      await qemuImg(['compare', '-f', 'raw', '-F', 'raw', source, copy]);
    }));

  it('copies over several connections, of which the server logs each', (_, qemuImg) =>
    withFolder(async (folder) => {
      const log = join(folder, 'log');
      await mirrorTo(folder, qemuImg, (copy) =>
        startNbdkit(folder, ['--filter=log', 'file', copy, `logfile=${log}`]),
      );
      const writers = (await readFile(log, 'utf8')).matchAll(/connection=(\d+) \+?Write/g);
      expect([...new Set(Array.from(writers, ([, number]) => number))].sort()).toEqual(['1', '2']);
    }));

  it('copies over one, where the server refuses another', (_, qemuImg) =>
    withFolder((folder) =>
      mirrorTo(folder, qemuImg, (copy) =>
        startNbdkit(folder, ['--filter=limit', 'file', copy, 'limit=1']),
      ),
    ));

  it('copies over one, where the server lets another wait', (_, qemuImg) =>
    withFolder((folder) =>
      mirrorTo(folder, qemuImg, async (copy) => {
        const server = await startQemuNbd(folder, ['--format=raw', '--shared=2', copy]);
        const other = await open(server.path);
        onTestFinished(() => other.graph.closeAll());
        return server;
      }),
    ));

  it('mirrors to the URI of an export that is empty, or may be written over', (_, qemuImg) =>
    withFolder(async (folder) => {
      const [source, copy] = [join(folder, 'disk'), await makeFile(folder, 'copy', MiB)];
      await writeFile(source, pattern(MiB));
      const { path } = await startQemuNbd(folder, ['--format=raw', copy]);
      const uri = `nbd+unix:///?socket=${path}`;
      for (const overwrite of [false, true]) {
        const disk = await openDisk(source);
        if (overwrite) {
          const refused = disk.mirror(uri);
          await expect(refused).rejects.toMatchObject({ code: 'EEXIST' });
          await expect(refused).rejects.toThrow(`Cannot mirror to "${uri}": it may hold data`);
        }
        const mirror = await disk.mirror(uri, { overwrite });
        await mirror.ready;
        await mirror.switch();
        await disk.write(0, pattern(512, 9));
        await disk.flush();
        await expect(disk.mirror(uri)).rejects.toThrow('source and target are the same export');
        await disk.close();
        const again = await openDisk(uri, { readOnly: true });
        expect(Buffer.compare(await again.read(0, 512), pattern(512, 9))).toBe(0);
        await again.close();
      }
      const whole = { exitCodes: [1] };
      await qemuImg(['compare', '-f', 'raw', '-F', 'raw', source, copy], whole);
    }));
});

/** Mirrors 32 MiB to a file behind a server, and compares. */
async function mirrorTo(
  folder: string,
  qemuImg: Tool,
  start: (copy: string) => Promise<RunningServer>,
): Promise<void> {
  const [source, copy] = [join(folder, 'disk'), await makeFile(folder, 'copy', 32 * MiB)];
  await writeFile(source, pattern(32 * MiB));
  const { path } = await start(copy);
  const disk = await openDisk(source, { readOnly: true });
  const mirror = await disk.mirror({ driver: 'nbd', server: { type: 'unix', path } });
  await mirror.ready;
  await mirror.finish();
  await disk.close();
  await qemuImg(['compare', '-f', 'raw', '-F', 'raw', source, copy]);
}

async function open(path: string, options: object = {}) {
  const graph = new BlockGraph(nodeEnv(), drivers);
  const server = { type: 'unix', path };
  return { graph, node: await graph.open({ driver: 'nbd', server, ...options }) };
}
