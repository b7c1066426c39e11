import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { withServed } from '../support/served.ts';
import { withFolder } from '../support/temporary.ts';
import { interop, type Tool } from '../support/tools.ts';

const MiB = 1024 * 1024;
const MEMORY = { driver: 'memory', size: 16 * MiB };

/**
 * Runs a script of libnbd's shell, in which `h` is connected; what it asserts must hold.
 *
 * The shell is Python, and its package is with the Python of the system, of which there may be
 * another one on the path before.
 */
async function shell(env: Tool, uri: string, script: string, before = ''): Promise<void> {
  const connect = `${before}\nh.connect_uri(${JSON.stringify(uri)})\n`;
  await env(['PATH=/usr/bin:/bin', 'nbdsh', '-c', connect + script]);
}

/** Python that demands the error of a call, once the client's own checks are off. */
const DEMANDS = `
h.set_strict_mode(0)
def demand(code, call, *args, **more):
    try:
        call(*args, **more)
    except nbd.Error as error:
        assert error.errno == code, (error.errno, code)
    else:
        raise Exception("it must fail")
`;

describe('a disk that is served, to libnbd', () => {
  const { it } = interop('env', 'nbdsh');

  it('answers reads in structured replies, with holes, and in one piece when asked', (env) =>
    withServed(MEMORY, async (uri, disk) => {
      await disk.write(65_536, new Uint8Array(65_536).fill(7));
      const script = `
assert h.get_structured_replies_negotiated()
assert h.can_df() and h.can_multi_conn() and h.can_cache() and h.can_fast_zero()
chunks = []
def chunk(data, offset, status, error):
    chunks.append((offset, len(data), status))
whole = h.pread_structured(196608, 0, chunk)
assert whole == bytes(65536) + b'\\x07' * 65536 + bytes(65536)
kinds = {status for _, _, status in chunks}
assert kinds == {nbd.READ_DATA, nbd.READ_HOLE}, chunks
chunks.clear()
h.pread_structured(196608, 0, chunk, nbd.CMD_FLAG_DF)
assert chunks == [(0, 196608, nbd.READ_DATA)], chunks`;
      await shell(env, uri, script);
    }));

  it('serves clients without structured replies', (env) =>
    withServed(MEMORY, async (uri) => {
      const script = `
assert not h.get_structured_replies_negotiated()
h.pwrite(b'a' * 4096, 512)
assert h.pread(4096, 512) == b'a' * 4096`;
      await shell(env, uri, script, 'h.set_request_structured_replies(False)');
    }));

  it('tells of blocks in the context that was agreed on', (env) =>
    withServed(MEMORY, async (uri, disk) => {
      await disk.write(65_536, new Uint8Array(65_536).fill(7));
      const script = `
assert h.can_meta_context(nbd.CONTEXT_BASE_ALLOCATION)
assert not h.can_meta_context("qemu:dirty-bitmap:none")
found = []
def extend(context, offset, entries, error):
    found.extend(entries)
h.block_status(16 * 1024 * 1024, 0, extend)
assert found[:4] == [65536, 3, 65536, 0], found
found.clear()
h.block_status(16 * 1024 * 1024, 0, extend, nbd.CMD_FLAG_REQ_ONE)
assert found == [65536, 3], found`;
      const contexts = ['nbd.CONTEXT_BASE_ALLOCATION', '"qemu:dirty-bitmap:none"'];
      const before = contexts.map((name) => `h.add_meta_context(${name})`).join('\n');
      await shell(env, uri, script, before);
    }));

  it('answers each wrong request with the error of the specification, and goes on', (env) =>
    withServed(MEMORY, async (uri) => {
      const script = `${DEMANDS}
size = h.get_size()
demand('EINVAL', h.pread, 512, size)
demand('ENOSPC', h.pwrite, bytes(512), size)
demand('ENOSPC', h.zero, 512, size)
demand('EINVAL', h.trim, 512, size)
demand('EINVAL', h.cache, 512, size)
demand('EINVAL', h.block_status, 512, size, lambda *args: 0)
demand('EINVAL', h.pread, 40 * 1024 * 1024, 0)
demand('EINVAL', h.pread, 512, 0, nbd.CMD_FLAG_FAST_ZERO)
h.pwrite(b'x' * 512, 0, nbd.CMD_FLAG_FUA)
h.zero(512, 512, nbd.CMD_FLAG_NO_HOLE | nbd.CMD_FLAG_FUA)
h.trim(4096, 4096, nbd.CMD_FLAG_FUA)
h.cache(4096, 0)
h.flush()
assert h.pread(512, 0) == b'x' * 512`;
      await shell(env, uri, script, 'h.add_meta_context(nbd.CONTEXT_BASE_ALLOCATION)');
    }));

  it('refuses changes of what is read-only', (env) =>
    withFolder(async (folder) => {
      const image = join(folder, 'disk.img');
      await writeFile(image, new Uint8Array(65_536).fill(1));
      const raw = { driver: 'raw', 'read-only': true, file: { driver: 'file', filename: image } };
      await withServed(raw, async (uri) => {
        const script = `${DEMANDS}
assert h.is_read_only()
demand('EPERM', h.pwrite, bytes(512), 0)
demand('EPERM', h.zero, 512, 0)
demand('EPERM', h.trim, 512, 0)
assert h.pread(512, 0) == b'\\x01' * 512`;
        await shell(env, uri, script);
      });
    }));
});

describe('a disk that is served, to other programs', () => {
  interop('nbd-client').it('is listed by nbd-client', async (nbdClient) => {
    await withServed(MEMORY, async (uri) => {
      const socket = new URL(uri).searchParams.get('socket') ?? '';
      const { stdout } = await nbdClient(['-l', '-unix', socket]);
      expect(stdout).toContain('Negotiation: ..');
    });
  });

  interop('fio').it(
    'verifies for fio what fio has written, many requests in flight',
    async (fio) => {
      await withServed(MEMORY, async (uri) => {
        const shape = ['--rw=randwrite', '--bs=4k', '--size=16m', '--iodepth=16'];
        const check = [
          '--verify=crc32c',
          '--do_verify=1',
          '--verify_fatal=1',
          '--verify_state_save=0',
        ];
        const engine = ['--ioengine=nbd', `--uri=${uri}`, '--name=guest', '--thread'];
        const { stdout } = await fio([...engine, ...shape, ...check]);
        expect(stdout).toMatch(/err= 0/);
      });
    },
  );

  interop('nbdcopy').it('is copied from one server of ours to another', (nbdcopy) =>
    withServed(MEMORY, (from, source) =>
      withServed(MEMORY, async (to, copy) => {
        const bytes = Uint8Array.from({ length: 4 * MiB }, (_, index) => index % 251);
        await source.write(MiB, bytes);
        await nbdcopy([from, to]);
        expect(Buffer.compare(await copy.read(MiB, 4 * MiB), bytes)).toBe(0);
      }),
    ),
  );

  interop('qemu-img').it('stands a benchmark of qemu-img', async (qemuImg) => {
    await withServed(MEMORY, async (uri, disk) => {
      const shape = ['-f', 'raw', '-c', '2000', '-d', '32', '-s', '4096'];
      await qemuImg(['bench', ...shape, uri]);
      await qemuImg(['bench', ...shape, '-w', '--pattern=165', '--flush-interval=100', uri]);
      expect(await disk.read(0, 4096)).toEqual(new Uint8Array(4096).fill(165));
    });
  });
});
