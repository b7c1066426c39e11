import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { openDisk } from '../../src/index.ts';
import { makeCertificates } from '../support/certificates.ts';
import { pattern } from '../support/drivers.ts';
import { startNbdkit, startQemuNbd } from '../support/nbd-servers.ts';
import { makeFile, withFolder } from '../support/temporary.ts';
import { interop } from '../support/tools.ts';

const MiB = 1024 * 1024;

/** Writes to an export, and reads what was written. */
async function tryExport(uri: string): Promise<void> {
  const disk = await openDisk(uri);
  await disk.write(4096, pattern(256 * 1024));
  await disk.flush();
  expect(Buffer.compare(await disk.read(4096, 256 * 1024), pattern(256 * 1024))).toBe(0);
  await disk.close();
}

describe('NBD client under TLS', () => {
  const { it } = interop('nbdkit', 'qemu-nbd', 'openssl');

  it('is let in with a certificate, and only goes to a server of that name', (_, __, openssl) =>
    withFolder(async (folder) => {
      await makeCertificates(openssl, folder);
      const certificates = [`--tls-certificates=${folder}`, '--tls=require', '--tls-verify-peer'];
      const { path } = await startNbdkit(folder, [...certificates, 'memory', '1M'], 'nbdkit');
      const image = await makeFile(folder, 'disk', MiB);
      const object = `tls-creds-x509,id=tls0,endpoint=server,dir=${folder},verify-peer=on`;
      const args = [`--object=${object}`, '--tls-creds=tls0', '--format=raw', image];
      const qemu = await startQemuNbd(folder, args, 'qemu');
      for (const socket of [path, qemu.path]) {
        const uri = `nbds+unix:///?socket=${socket}&tls-certificates=${folder}`;
        await tryExport(uri);
        await tryExport(`${uri}&tls-hostname=localhost`);
        const other = openDisk(`${uri}&tls-hostname=example.com`);
        await expect(other).rejects.toMatchObject({ code: 'EACCES' });
        const plain = openDisk(`nbd+unix:///?socket=${socket}`);
        await expect(plain).rejects.toMatchObject({ code: 'EACCES' });
        await expect(plain).rejects.toThrow('did you forget a valid tls-creds?');
      }
    }));

  it('is let in with a key that both sides have', () =>
    withFolder(async (folder) => {
      const keys = join(folder, 'keys.psk');
      await writeFile(keys, 'guest:00112233445566778899aabbccddeeff\n', { mode: 0o600 });
      const require = [`--tls-psk=${keys}`, '--tls=require'];
      const { path } = await startNbdkit(folder, [...require, 'memory', '1M'], 'nbdkit');
      const image = await makeFile(folder, 'disk', MiB);
      const object = `tls-creds-psk,id=tls0,endpoint=server,dir=${folder}`;
      const args = [`--object=${object}`, '--tls-creds=tls0', '--format=raw', image];
      const qemu = await startQemuNbd(folder, args, 'qemu');
      for (const socket of [path, qemu.path]) {
        await tryExport(`nbds+unix://guest@/?socket=${socket}&tls-psk-file=${keys}`);
        const wrong = join(folder, 'wrong');
        await writeFile(wrong, 'guest:ffffffffffffffffffffffffffffffff\n');
        const refused = openDisk(`nbds+unix://guest@/?socket=${socket}&tls-psk-file=${wrong}`);
        await expect(refused).rejects.toMatchObject({ name: 'BlockError' });
      }
    }));

  it('does not speak without TLS to a server that has none', () =>
    withFolder(async (folder) => {
      const keys = join(folder, 'keys.psk');
      await writeFile(keys, 'qemu:00112233445566778899aabbccddeeff\n');
      const denied = 'Denied by server for option 5 (starttls)';
      const unknown = 'Server does not support STARTTLS';
      for (const [text, ...args] of [
        [denied, '--tls=off'],
        [unknown, '--oldstyle'],
        [unknown, '--mask-handshake=0'],
      ] as const) {
        const name = `socket${args[0]}`;
        const { path } = await startNbdkit(folder, [...args, 'memory', '1M'], name);
        const refused = openDisk(`nbds+unix:///?socket=${path}&tls-psk-file=${keys}`);
        await expect(refused).rejects.toThrow(text);
      }
    }));
});
