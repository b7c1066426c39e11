import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { nodeEnv } from '../../src/env/node.ts';
import { Machine } from '../../src/machine/machine.ts';
import { credentialsOf, makeCertificates } from '../support/certificates.ts';
import { pattern } from '../support/drivers.ts';
import { withFolder } from '../support/temporary.ts';
import { interop } from '../support/tools.ts';

const MIB = 1024 * 1024;
const SIZE = 8 * MIB;

/** A memory disk that is served at a Unix socket. */
interface Served {
  readonly machine: Machine;
  readonly folder: string;
  readonly socket: string;
  /** Of the default export. */
  readonly uri: string;
}

/** Serves a disk whose second MiB is data, and that is dirty there. */
async function serving(
  body: (served: Served) => Promise<void>,
  tls?: (folder: string) => Promise<Parameters<Machine['exports']['start']>[0]['tls']>,
): Promise<void> {
  await withFolder(async (folder) => {
    const machine = new Machine(nodeEnv());
    const socket = join(folder, 'socket');
    try {
      const options = { driver: 'memory', size: SIZE, 'node-name': 'disk', discard: 'unmap' };
      const node = await machine.graph.open(options);
      machine.bitmaps.add(node, { name: 'b0', granularity: 65_536 });
      await node.write(MIB, pattern(MIB));
      await machine.exports.start({
        address: { type: 'unix', path: socket },
        tls: await tls?.(folder),
      });
      machine.exports.add({
        id: 'default',
        name: '',
        writable: true,
        description: 'a disk',
        nodeName: 'disk',
        bitmaps: ['b0'],
      });
      machine.exports.add({ id: 'other', name: 'read only', nodeName: 'disk' });
      await body({ machine, folder, socket, uri: `nbd+unix:///?socket=${socket}` });
    } finally {
      await machine.close();
    }
  });
}

/** Resolves when the machine tells that. */
function happens(machine: Machine, event: string): Promise<void> {
  return new Promise((resolve) => {
    const end = machine.subscribe((told) => {
      if (told.event !== event) return;
      end();
      resolve();
    });
  });
}

describe('an NBD server, to the tools of others', () => {
  const { it: withInfo } = interop('nbdinfo');
  withInfo('tells nbdinfo what it is', async (nbdinfo) => {
    await serving(async ({ uri, socket }) => {
      const { stdout } = await nbdinfo(['--json', '--list', uri]);
      const found: unknown = JSON.parse(stdout);
      const common = { 'export-size': SIZE, can_flush: true, can_fua: true, can_multi_conn: true };
      expect(found).toMatchObject({
        protocol: 'newstyle-fixed',
        structured: true,
        exports: [
          {
            'export-name': '',
            description: 'a disk',
            ...common,
            is_read_only: false,
            can_trim: true,
            can_zero: true,
            can_fast_zero: true,
            can_df: true,
            can_cache: true,
            contexts: ['base:allocation', 'qemu:dirty-bitmap:b0'],
          },
          { 'export-name': 'read only', ...common, is_read_only: true, can_trim: false },
        ],
      });
      const other = await nbdinfo(['--size', `nbd+unix:///read%20only?socket=${socket}`]);
      expect(other.stdout.trim()).toBe(String(SIZE));
    });
  });

  withInfo('tells nbdinfo where there is data, and what is dirty', async (nbdinfo) => {
    await serving(async ({ uri }) => {
      const map = async (context: string) => {
        const { stdout } = await nbdinfo([`--map=${context}`, '--json', uri]);
        const extents = JSON.parse(stdout) as { offset: number; length: number; type: number }[];
        return extents.map(({ offset, length, type }) => [offset, length, type]);
      };
      const parts = (first: number, second: number) => [
        [0, MIB, first],
        [MIB, MIB, second],
        [2 * MIB, SIZE - 2 * MIB, first],
      ];
      expect(await map('base:allocation')).toEqual(parts(3, 0));
      expect(await map('qemu:dirty-bitmap:b0')).toEqual(parts(0, 1));
    });
  });

  interop('qemu-nbd').it('is listed by qemu-nbd', async (qemuNbd) => {
    await serving(async ({ socket }) => {
      const { stdout } = await qemuNbd(['--list', '-k', socket]);
      expect(stdout).toContain('exports available: 2');
      expect(stdout).toContain('flush fua trim zeroes df multi cache fast-zero');
      expect(stdout).toContain('qemu:dirty-bitmap:b0');
    });
  });

  interop('qemu-io').it('reads and writes for qemu-io', async (qemuIo) => {
    await serving(async ({ uri, socket, machine }) => {
      const commands = [
        'read -P 0 0 64k',
        'write -f -P 0x5a 4k 100k',
        'write -z -u 64k 4k',
        'write -z 68k 4k',
        'discard 72k 4k',
        'aio_write -P 1 5M 64k',
        'aio_write -P 2 6M 64k',
        'aio_flush',
        'flush',
        'read -P 0x5a 4k 60k',
        'read -P 0 64k 8k',
        'read -P 1 5M 64k',
        'read -P 2 6M 64k',
      ];
      await qemuIo(['-f', 'raw', uri, ...commands.flatMap((command) => ['-c', command])]);
      const { stdout, stderr } = await qemuIo(
        ['-f', 'raw', `nbd+unix:///read%20only?socket=${socket}`, '-c', 'write 0 512'],
        { exitCodes: [1] },
      );
      expect(stdout + stderr).toMatch(/Permission denied/);
      expect(machine.exports.server?.exports[0]?.statistics().write.errors).toBe(0);
    });
  });

  interop('nbdcopy').it(
    'is copied to and from by nbdcopy, over several connections',
    async (nbdcopy) => {
      await serving(async ({ uri, folder, machine }) => {
        const [source, copy] = [join(folder, 'source'), join(folder, 'copy')];
        const bytes = new Uint8Array(SIZE);
        bytes.set(pattern(3 * MIB), 4 * MIB);
        await writeFile(source, bytes);
        await nbdcopy(['--connections=4', '--flush', source, uri]);
        await nbdcopy(['--connections=4', uri, copy]);
        expect(Buffer.compare(await readFile(copy), bytes)).toBe(0);
        const statistics = machine.exports.server?.exports[0]?.statistics();
        expect(statistics?.connectionsTotal).toBeGreaterThanOrEqual(4);
      });
    },
  );

  interop('qemu-img').it('is an image to qemu-img', async (qemuImg) => {
    await serving(async ({ uri, folder }) => {
      const copy = join(folder, 'copy.qcow2');
      await qemuImg(['convert', '-f', 'raw', '-O', 'qcow2', uri, copy]);
      await qemuImg(['compare', '-f', 'raw', '-F', 'qcow2', uri, copy]);
      const { stdout } = await qemuImg(['map', '--output=json', '-f', 'raw', uri]);
      expect(JSON.parse(stdout)).toMatchObject([
        { start: 0, length: MIB, zero: true },
        { start: MIB, length: MIB, zero: false, data: true },
        { start: 2 * MIB, zero: true },
      ]);
    });
  });

  interop('nbdcopy').it('moves to another disk under a client that writes', async (nbdcopy) => {
    await serving(async ({ uri, folder, machine }) => {
      const [source, copy] = [join(folder, 'source'), join(folder, 'copy')];
      const bytes = pattern(SIZE);
      await writeFile(source, bytes);
      const small = ['--request-size=4096', '--requests=8', '--connections=2'];
      const copying = nbdcopy([...small, source, uri]);
      const switches: string[] = [];
      for (const target of ['second', 'third']) {
        const from = machine.exports.query()[0]?.['node-name'] ?? '';
        await machine.graph.open({ driver: 'memory', size: SIZE, 'node-name': target });
        const ready = happens(machine, 'BLOCK_JOB_READY');
        const { job } = await machine.jobs.startMirror({ id: target, source: from, target });
        await ready;
        job.complete();
        await job.finished;
        switches.push(machine.exports.query()[0]?.['node-name'] ?? '');
      }
      expect(switches).toEqual(['second', 'third']);
      await copying;
      await nbdcopy([uri, copy]);
      expect(Buffer.compare(await readFile(copy), bytes)).toBe(0);
    });
  });

  interop('qemu-img', 'nbdinfo', 'openssl').it(
    'talks TLS, and nothing else where that is required',
    async (qemuImg, nbdinfo, openssl) => {
      const tls = async (folder: string) => {
        await makeCertificates(openssl, folder);
        return { credentials: await credentialsOf(folder, 'server') };
      };
      await serving(async ({ folder, socket, uri }) => {
        const secure = `nbds+unix:///?socket=${socket}&tls-certificates=${folder}`;
        const { stdout } = await nbdinfo(['--json', secure]);
        expect(JSON.parse(stdout)).toMatchObject({ TLS: true });
        await nbdinfo([uri], { exitCodes: [1] });
        const credentials = `tls-creds-x509,id=tls0,endpoint=client,dir=${folder}`;
        const image = `driver=nbd,path=${socket},tls-creds=tls0,tls-hostname=localhost`;
        await qemuImg(['map', '--object', credentials, '--image-opts', image]);
      }, tls);
    },
  );
});
