import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { nodeEnv } from '../../src/env/node.ts';
import { type Disk, openDisk } from '../../src/index.ts';
import { pattern } from '../support/drivers.ts';
import { FakeIo, type FakeIoOptions, runMain } from '../support/fake-io.ts';
import { hookedFiles } from '../support/hooked-files.ts';
import { deferred } from '../support/settle.ts';
import { withFolder } from '../support/temporary.ts';

// Other tests may keep the machine busy.
vi.setConfig({ testTimeout: 30_000 });

const MiB = 1024 * 1024;
const SIZE = 2 * MiB;

interface Place {
  readonly folder: string;
  readonly image: string;
  readonly target: string;
}

interface Session extends Place {
  readonly uri: string;
  readonly io: FakeIo;
  /** Opens the disk over NBD; closed at the end. */
  client(options?: { readonly readOnly?: boolean }): Promise<Disk>;
  /** Waits for a line that matches, on either stream. */
  said(pattern: RegExp): Promise<string>;
}

/** Runs `body` with an image of two MiB, none of which is zero. */
function withImage(body: (place: Place) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    const [image, target] = [join(folder, 'disk.img'), join(folder, 'copy.img')];
    await writeFile(image, pattern(SIZE));
    await body({ folder, image, target });
  });
}

/** Runs `mirrordisk serve IMAGE ARGS...` and `body` beside it, then interrupts it. */
async function serving(
  place: Place,
  args: readonly string[],
  body: (session: Session) => Promise<void>,
  options: FakeIoOptions = {},
) {
  const lines: string[] = [];
  const waiting: { readonly pattern: RegExp; readonly found: (line: string) => void }[] = [];
  const onLine = (line: string) => {
    lines.push(line);
    for (const { pattern: wanted, found } of waiting) if (wanted.test(line)) found(line);
  };
  const io = new FakeIo({ ...options, onLine });
  const said = (wanted: RegExp) => {
    const line = lines.find((it) => wanted.test(it));
    if (line !== undefined) return Promise.resolve(line);
    const { promise, resolve } = deferred<string>();
    waiting.push({ pattern: wanted, found: resolve });
    return promise;
  };
  const ended = runMain(['serve', place.image, ...args], io);
  const first = await Promise.race([said(/serving|SERVING/), ended.then(() => '')]);
  const uri = /nbds?(\+unix)?:\/\/[^\s"]+/.exec(first)?.[0] ?? '';
  const clients: Disk[] = [];
  const client = async ({ readOnly = false } = {}) => {
    const disk = await openDisk(uri, { readOnly });
    clients.push(disk);
    return disk;
  };
  try {
    if (first !== '') await body({ ...place, uri, io, client, said });
  } finally {
    for (const disk of clients) await disk.close();
    io.interrupt();
  }
  return ended;
}

const sector = (value: number) => new Uint8Array(512).fill(value);

describe('mirrordisk serve', () => {
  it('gives clients the disk until it is interrupted, and leaves nothing behind', () =>
    withImage(async (place) => {
      let socket = '';
      const { exitCode, stdout, stderr } = await serving(place, [], async ({ uri, client }) => {
        socket = new URL(uri).searchParams.get('socket') ?? '';
        expect(statSync(socket).mode & 0o777).toBe(0o600);
        const disk = await client();
        expect(await disk.read(0, 1024)).toEqual(pattern(SIZE).subarray(0, 1024));
        await disk.write(1024, sector(7));
      });
      expect([exitCode, stderr]).toEqual([
        0,
        'Interrupted: ending, once what clients asked for is done',
      ]);
      expect(readFileSync(place.image).subarray(1024, 1536)).toEqual(Buffer.alloc(512, 7));
      expect(stdout).toMatch(/served for .*: 1 connection, 1 KiB read, 512 B written/);
      expect(existsSync(dirname(socket))).toBe(false);
    }));

  it('prints commands that other programs take', () =>
    withImage(async (place) => {
      const socket = join(place.folder, "it's,here");
      const { stdout } = await serving(place, ['--socket', socket], async () => {});
      const quoted = `'\\''`;
      expect(stdout).toContain(`it${quoted}s%2Chere,format=raw,if=virtio'`);
      expect(stdout).toContain(`nbd-client -unix '${place.folder}/it${quoted}s,here' /dev/nbd0`);
    }));

  it('refuses writes to what it serves read-only', () =>
    withImage(async (place) => {
      await serving(place, ['--read-only'], async ({ client }) => {
        await expect(client()).rejects.toMatchObject({ code: 'EACCES' });
        const disk = await client({ readOnly: true });
        expect(await disk.read(512, 512)).toEqual(pattern(SIZE).subarray(512, 1024));
      });
    }));

  it('listens over TCP at a free port, under the name it was given', () =>
    withImage(async (place) => {
      const args = ['--port', '0', '--export', 'a disk'];
      await serving(place, args, async ({ uri, client }) => {
        expect(uri).toMatch(/^nbd:\/\/127\.0\.0\.1:\d+\/a%20disk$/);
        expect((await client()).size).toBe(SIZE);
      });
    }));

  it('takes clients along to the target of a mirror', () =>
    withImage(async (place) => {
      const args = ['--mirror', place.target, '--then', 'switch'];
      const { exitCode } = await serving(place, args, async ({ client, said }) => {
        const disk = await client();
        await disk.write(0, sector(1));
        await said(/^COMPLETED .* is on the target/);
        await disk.write(512, sector(2));
        expect(await disk.read(0, 512)).toEqual(sector(1));
      });
      expect(exitCode).toBe(0);
      const target = readFileSync(place.target);
      expect(target.subarray(512, 1024)).toEqual(Buffer.alloc(512, 2));
      expect(readFileSync(place.image).subarray(512, 1024)).not.toEqual(Buffer.alloc(512, 2));
      const source = readFileSync(place.image);
      expect(Buffer.compare(target.subarray(1024), source.subarray(1024))).toBe(0);
    }));

  it('ends a mirror that is interrupted with the last that clients wrote', () =>
    withImage(async (place) => {
      const args = ['--mirror', place.target];
      const { exitCode, stdout } = await serving(place, args, async ({ client, said }) => {
        const disk = await client();
        await said(/^READY/);
        for (let at = 0; at < SIZE; at += 65_536) await disk.write(at, sector(at % 251));
      });
      expect([exitCode, stdout]).toEqual([0, expect.stringContaining('COMPLETED')]);
      expect(Buffer.compare(readFileSync(place.image), readFileSync(place.target))).toBe(0);
    }));

  it('answers no when it is interrupted before source and target have met', () =>
    withImage(async (place) => {
      const args = ['--mirror', place.target, '--speed', '65536', '--then', 'switch'];
      const { exitCode, stdout } = await serving(place, args, async () => {});
      expect([exitCode, stdout]).toEqual([1, expect.stringContaining('CANCELLED')]);
      expect(readdirSync(place.folder)).toEqual(['disk.img']);
    }));

  it('goes on serving when the mirror fails', () =>
    withImage(async (place) => {
      const { files } = nodeEnv();
      const hook = ({ operation, path }: { operation: string; path: string }) => {
        if (operation !== 'write' || !path.includes('copy.img')) return;
        throw new BlockError('ENOSPC', `write to "${path}"`, 'No space left on device');
      };
      const options = { env: { files: hookedFiles(files, hook) } };
      const session = async ({ client, said }: Session) => {
        await said(/^FAILED: .*No space left on device/);
        const disk = await client();
        await disk.write(0, sector(3));
        expect(await disk.read(0, 512)).toEqual(sector(3));
      };
      const args = ['--mirror', place.target];
      expect((await serving(place, args, session, options)).exitCode).toBe(1);
    }));

  it('does not serve a disk whose mirror is refused', () =>
    withImage(async (place) => {
      await writeFile(place.target, pattern(SIZE));
      const ended = await serving(place, ['--mirror', place.target], async () => {});
      expect([ended.exitCode, ended.stdout]).toEqual([2, '']);
      expect(ended.stderr).toContain('--force writes over it');
    }));

  it('leaves no target behind when its address is taken', () =>
    withImage(async (place) => {
      const other = createServer().listen(0, '127.0.0.1');
      await new Promise((resolve) => other.once('listening', resolve));
      const address = other.address();
      const port = typeof address === 'object' ? String(address?.port) : '';
      const args = ['--port', port, '--mirror', place.target];
      const { exitCode, stderr } = await serving(place, args, async () => {});
      other.close();
      expect([exitCode, stderr]).toEqual([2, expect.stringContaining('Address already in use')]);
      expect(readdirSync(place.folder)).toEqual(['disk.img']);
    }));

  it('runs a command and ends with it', () =>
    withImage(async (place) => {
      const said = join(place.folder, 'said');
      const run = (command: string) => runMain(['serve', place.image, '--run', command]);
      expect((await run(`test -S "$socket" && echo "$uri" > '${said}'`)).exitCode).toBe(0);
      expect(readFileSync(said, 'utf8')).toMatch(/^nbd\+unix:\/\/\/\?socket=.*nbd\.sock\n$/);
      expect((await run('exit 3')).exitCode).toBe(1);
    }));

  it('waits, after the command, for a mirror that was told how to end', () =>
    withImage(async (place) => {
      const mirror = ['--mirror', place.target, '--then', 'finish'];
      const { exitCode } = await runMain(['serve', place.image, ...mirror, '--run', 'true']);
      expect(exitCode).toBe(0);
      expect(Buffer.compare(readFileSync(place.image), readFileSync(place.target))).toBe(0);
    }));

  it('tells programs in JSON where the disk is and what clients did', () =>
    withImage(async (place) => {
      const args = ['--json', '--mirror', place.target];
      const { io } = await serving(place, args, async ({ client, said }) => {
        await (await client()).write(0, sector(9));
        await said(/BLOCK_JOB_READY/);
      });
      expect(io.json.map((line) => (line as { event: string }).event)).toEqual(
        expect.arrayContaining(['SERVING', 'BLOCK_JOB_READY', 'MIRROR_SUMMARY', 'SERVE_SUMMARY']),
      );
      expect(io.json.at(-1)).toMatchObject({
        event: 'SERVE_SUMMARY',
        data: { connectionsTotal: 1, write: { requests: 1, bytes: 512, errors: 0 } },
      });
    }));

  it('draws what clients do above the progress of the mirror', () =>
    withImage(async (place) => {
      const session = async ({ said }: Session) => {
        await said(/^0 clients .* IOPS/);
      };
      const args = ['--mirror', place.target];
      const { io } = await serving(place, args, session, { columns: 120 });
      const both = io.drawings.find((lines) => lines.length > 1);
      expect(both).toEqual([
        expect.stringContaining('0 clients'),
        expect.stringContaining('phase'),
      ]);
    }));

  it('needs the files of TLS that it was told of', () =>
    withImage(async (place) => {
      const { exitCode, stderr } = await runMain(['serve', place.image, '--tls-psk', place.folder]);
      expect([exitCode, stderr]).toEqual([2, expect.stringContaining('keys.psk')]);
    }));
});
