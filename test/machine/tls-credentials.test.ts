import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { nodeEnv } from '../../src/env/node.ts';
import { nodeFiles } from '../../src/env/node-files.ts';
import { Machine } from '../../src/machine/machine.ts';
import { TlsCredentialStore } from '../../src/machine/tls-credentials.ts';
import { openFilesIn, withFolder } from '../support/temporary.ts';

/** Makes a folder with these files, each of which holds its own name. */
async function withFiles(
  names: readonly string[],
  body: (store: TlsCredentialStore, dir: string) => Promise<void>,
) {
  await withFolder(async (folder) => {
    for (const name of names) await writeFile(join(folder, name), name);
    await body(new TlsCredentialStore(nodeFiles), folder);
    expect(openFilesIn(folder) ?? 0).toBe(0);
  });
}

const ALL = [
  'ca-cert.pem',
  'client-cert.pem',
  'client-key.pem',
  'server-cert.pem',
  'server-key.pem',
];

describe('TLS credentials', () => {
  it('are the files of their side in the folder', () =>
    withFiles(ALL, async (store, dir) => {
      for (const endpoint of ['client', 'server'] as const) {
        await store.add(endpoint, { 'qom-type': 'tls-creds-x509', dir, endpoint });
        expect(store.find(endpoint, endpoint)).toEqual({
          type: 'x509',
          authorities: 'ca-cert.pem',
          certificate: `${endpoint}-cert.pem`,
          key: `${endpoint}-key.pem`,
          verifyPeer: true,
        });
      }
    }));

  it('are keys that both sides have, of a client one for its user', () =>
    withFolder(async (dir) => {
      await writeFile(join(dir, 'keys.psk'), 'one:00\n');
      const store = new TlsCredentialStore(nodeFiles);
      const psk = { 'qom-type': 'tls-creds-psk', dir } as const;
      await store.add('mine', { ...psk, username: 'one' });
      const keys = { type: 'psk', keys: 'one:00\n', identity: 'one' };
      expect(store.find('mine', 'client')).toEqual(keys);
      await expect(store.add('default', psk)).rejects.toMatchObject({
        code: 'ENOENT',
        reason: `Username qemu not found in PSK file ${dir}/keys.psk`,
      });
      await store.add('all', { ...psk, endpoint: 'server' });
    }));

  it('of a client need no certificate, but those of a server do', () =>
    withFiles(['ca-cert.pem'], async (store, dir) => {
      await store.add('tls0', { 'qom-type': 'tls-creds-x509', dir });
      expect(store.find('tls0', 'client')).toEqual({
        type: 'x509',
        authorities: 'ca-cert.pem',
        verifyPeer: true,
      });
      const server = store.add('tls1', { 'qom-type': 'tls-creds-x509', dir, endpoint: 'server' });
      await expect(server).rejects.toMatchObject({ code: 'ENOENT' });
      expect(() => store.find('tls1', 'server')).toThrow("No TLS credentials with id 'tls1'");
    }));

  it('let clients without a certificate in where that is wanted', () =>
    withFiles(ALL, async (store, dir) => {
      const options = { dir, endpoint: 'server', 'verify-peer': false } as const;
      await store.add('tls0', { 'qom-type': 'tls-creds-x509', ...options });
      expect(store.find('tls0', 'server')).toMatchObject({ verifyPeer: false });
    }));

  it('are for one side and one id, until they are removed', () =>
    withFiles(ALL, async (store, dir) => {
      const options = { 'qom-type': 'tls-creds-x509', dir } as const;
      await store.add('tls0', options);
      expect(() => store.find('tls0', 'server')).toThrow(
        'Expected TLS credentials for a server endpoint',
      );
      await expect(store.add('tls0', options)).rejects.toMatchObject({ code: 'EEXIST' });
      store.remove('tls0');
      expect(() => store.find('tls0', 'client')).toThrow("No TLS credentials with id 'tls0'");
      expect(() => store.remove('tls0')).toThrow("No TLS credentials with id 'tls0'");
      await store.add('tls0', options);
    }));

  it('are not read from what is too long to be a file of them', () =>
    withFiles([], async (store, dir) => {
      await writeFile(join(dir, 'keys.psk'), new Uint8Array(5 * 1024 * 1024));
      const loaded = store.add('tls0', { 'qom-type': 'tls-creds-psk', dir });
      await expect(loaded).rejects.toMatchObject({ code: 'EFBIG' });
    }));
});

describe('TLS credentials of a machine', () => {
  it('are found by the ids that disks and exports name', () =>
    withFolder(async (dir) => {
      await writeFile(join(dir, 'keys.psk'), 'guest:00112233445566778899aabbccddeeff');
      const [server, client] = [new Machine(nodeEnv()), new Machine(nodeEnv())];
      onTestFinished(async () => {
        await client.close();
        await server.close();
      });
      const keys = { 'qom-type': 'tls-creds-psk', dir } as const;
      await server.credentials.add('tls0', { ...keys, endpoint: 'server' });
      await client.credentials.add('tls0', { ...keys, username: 'guest' });
      await server.graph.open({ driver: 'memory', size: 4096, 'node-name': 'disk' });
      const address = { type: 'unix', path: join(dir, 'socket') } as const;
      const tls = { credentials: server.credentials.find('tls0', 'server') };
      await server.exports.start({ address, tls });
      server.exports.add({ id: 'export', nodeName: 'disk' });
      const options = { driver: 'nbd', server: address, export: 'disk', 'read-only': true };
      const node = await client.graph.open({ ...options, 'tls-creds': 'tls0' });
      await node.read(0, new Uint8Array(4096));
      await expect(client.graph.open(options)).rejects.toMatchObject({ code: 'EACCES' });
      const unknown = client.graph.open({ ...options, 'tls-creds': 'tls1' });
      await expect(unknown).rejects.toThrow("No TLS credentials with id 'tls1'");
    }));
});

describe('TLS credentials of an NBD URI', () => {
  it('are those that it names', () =>
    withFiles(ALL, async (store, dir) => {
      const id = await store.addForUri({ certificates: dir });
      expect(store.find(id, 'client')).toMatchObject({ certificate: 'client-cert.pem' });
      expect(await store.addForUri({ certificates: dir })).toBe(id);
      const keys = join(dir, 'keys');
      await writeFile(keys, 'a:01');
      const other = await store.addForUri({ pskFile: keys, username: 'a' });
      expect(store.find(other, 'client')).toEqual({ type: 'psk', keys: 'a:01', identity: 'a' });
    }));

  it('must be named', () =>
    withFolder(async (folder) => {
      const store = new TlsCredentialStore(nodeFiles);
      const dir = join(folder, 'empty');
      await mkdir(dir);
      await expect(store.addForUri({})).rejects.toThrow('"tls-certificates" must name the folder');
      await expect(store.addForUri({ type: 'psk' })).rejects.toThrow('"tls-psk-file" must name');
      const trusting = store.addForUri({ certificates: dir, verifyPeer: false });
      await expect(trusting).rejects.toThrow('a server must prove itself');
      await expect(store.addForUri({ certificates: dir })).rejects.toMatchObject({
        code: 'ENOENT',
      });
    }));
});
