import { describe, expect, it } from 'vitest';
import { nodeSockets } from '../../src/env/node-sockets.ts';
import type { Connection, TlsCredentials, TlsOptions } from '../../src/env/sockets.ts';
import {
  CLIENT_NAME,
  credentialsOf,
  makeCertificates,
  SERVER_NAME,
} from '../support/certificates.ts';
import { SocketRecorder } from '../support/socket-recorder.ts';
import { withFolder } from '../support/temporary.ts';
import { interop } from '../support/tools.ts';

const PSK = {
  type: 'psk',
  keys: '# keys\nqemu:00112233445566778899aabbccddeeff\nb:c:0123\n',
} as const;

async function withPair(body: (client: Connection, server: Connection) => Promise<void>) {
  const address = { type: 'inet', host: '127.0.0.1', port: 0 } as const;
  let accept: (connection: Connection) => void = () => {};
  const accepted = new Promise<Connection>((resolve) => {
    accept = resolve;
  });
  const listener = await nodeSockets.listen(address, accept);
  const client = await nodeSockets.connect(listener.address);
  const server = await accepted;
  await listener.close();
  try {
    await body(client, server);
  } finally {
    client.destroy();
    server.destroy();
  }
}

/** Both sides shake hands. @returns What each says: a connection, or why there is none. */
async function handshake(
  client: Connection,
  server: Connection,
  proofs: {
    readonly client: TlsCredentials & Pick<TlsOptions, 'serverName'>;
    readonly server: TlsCredentials;
  },
) {
  const said = await Promise.allSettled([
    client.startTls({ side: 'client', ...proofs.client }),
    server.startTls({ side: 'server', ...proofs.server }),
  ]);
  return said.map((side) =>
    side.status === 'fulfilled' ? { connection: side.value } : { error: side.reason },
  );
}

const REFUSED = { error: { name: 'BlockError', code: 'EACCES' } };

describe('TLS with keys', () => {
  it.each([
    [undefined, 'qemu'],
    ['b:c', 'b:c'],
  ])('knows who has the key of %s', (identity, known) =>
    withPair(async (client, server) => {
      const proofs = { client: { ...PSK, identity }, server: PSK };
      const [atClient, atServer] = await handshake(client, server, proofs);
      expect(atServer?.connection?.peerIdentity).toBe(known);
      expect(atClient?.connection?.peerIdentity).toBeUndefined();
      atClient?.connection?.destroy();
    }),
  );

  it.each([
    ['another key', 'qemu:ffffffffffffffffffffffffffffffff'],
    ['an identity that nobody knows', 'somebody:00112233445566778899aabbccddeeff'],
  ])('refuses %s, at both ends', (_, keys) =>
    withPair(async (client, server) => {
      const [identity] = keys.split(':');
      const own = { type: 'psk', keys, identity } as const;
      const said = await handshake(client, server, { client: own, server: PSK });
      expect(said).toMatchObject([REFUSED, REFUSED]);
    }),
  );

  it('does not begin without a key of its own', () =>
    withPair(async (client) => {
      const closed = new SocketRecorder(client);
      const options = { side: 'client', ...PSK, identity: 'nobody' } as const;
      await expect(client.startTls(options)).rejects.toMatchObject({ code: 'EACCES' });
      expect(closed.events).toEqual([]);
    }));

  it('never takes for its own what came before it in plain', () =>
    withPair(async (client, server) => {
      const atServer = new SocketRecorder(server);
      client.write(new Uint8Array(10));
      await atServer.received(10);
      server.pause();
      client.write(new TextEncoder().encode('plain text, slipped in'));
      await new Promise<void>((sent) => client.write(new Uint8Array(1), sent));
      const said = await handshake(client, server, { client: PSK, server: PSK });
      expect(said[1]).toMatchObject({ error: { name: 'BlockError', code: 'EIO' } });
      expect(said[0]).toMatchObject({ error: { name: 'BlockError' } });
      expect(atServer.bytes.length).toBe(10);
    }));

  it('keeps for TLS what comes while it still sends in plain', () =>
    withPair(async (client, server) => {
      const [atClient, atServer] = [new SocketRecorder(client), new SocketRecorder(server)];
      const length = 16 * 1024 * 1024;
      server.write(new Uint8Array(length));
      client.pause();
      const refused = server.startTls({ side: 'server', ...PSK }).catch((error) => error);
      const text = new TextEncoder().encode('plain text, slipped in');
      await new Promise<void>((sent) => client.write(text, sent));
      client.resume();
      await atClient.received(length);
      await client.startTls({ side: 'client', ...PSK }).catch(() => {});
      expect(await refused).toMatchObject({ name: 'BlockError', code: 'EIO' });
      expect(atServer.bytes.length).toBe(0);
    }));

  it('sends first what was written before', () =>
    withPair(async (client, server) => {
      const atClient = new SocketRecorder(client);
      server.write(new Uint8Array(10));
      const secured = server.startTls({ side: 'server', ...PSK });
      await atClient.received(10);
      const own = await client.startTls({ side: 'client', ...PSK });
      const later = new SocketRecorder(await secured);
      own.write(new Uint8Array(20));
      await later.received(20);
      expect(atClient.bytes.length).toBe(10);
      own.destroy();
    }));

  it('fails when the other side is gone, or speaks no TLS', () =>
    withPair(async (client, server) => {
      const secured = client.startTls({ side: 'client', ...PSK });
      server.destroy();
      await expect(secured).rejects.toMatchObject({ name: 'BlockError' });
      await withPair(async (other, plain) => {
        plain.write(new TextEncoder().encode('this is no TLS'));
        const refused = other.startTls({ side: 'client', ...PSK });
        await expect(refused).rejects.toMatchObject({ name: 'BlockError', code: 'EIO' });
      });
    }));

  it('is over when it is destroyed meanwhile', () =>
    withPair(async (client) => {
      const secured = client.startTls({ side: 'client', ...PSK });
      client.destroy();
      await expect(secured).rejects.toMatchObject({ name: 'BlockError' });
    }));
});

describe('TLS with certificates', () => {
  const { it: withOpenssl } = interop('openssl');

  withOpenssl('knows who came, and whom it came to', (openssl) =>
    withFolder(async (folder) => {
      await makeCertificates(openssl, folder);
      const proofs = {
        client: { ...(await credentialsOf(folder, 'client')), serverName: SERVER_NAME },
        server: { ...(await credentialsOf(folder, 'server')), verifyPeer: true },
      };
      await withPair(async (client, server) => {
        const [atClient, atServer] = await handshake(client, server, proofs);
        expect(atServer?.connection?.peerIdentity).toBe(CLIENT_NAME);
        expect(atClient?.connection?.peerIdentity).toBe(SERVER_NAME);
        atClient?.connection?.destroy();
      });
    }),
  );

  withOpenssl('asks a client for nothing that it is not told to ask for', (openssl) =>
    withFolder(async (folder) => {
      await makeCertificates(openssl, folder);
      const { type, authorities } = await credentialsOf(folder, 'client');
      const proofs = {
        client: { type, authorities, serverName: '127.0.0.1' },
        server: await credentialsOf(folder, 'server'),
      };
      await withPair(async (client, server) => {
        const [atClient, atServer] = await handshake(client, server, proofs);
        expect(atServer?.connection?.peerIdentity).toBeUndefined();
        expect(atClient?.connection?.peerIdentity).toBe(SERVER_NAME);
        atClient?.connection?.destroy();
      });
    }),
  );

  withOpenssl('refuses a server of another name or another authority', (openssl) =>
    withFolder((other) =>
      withFolder(async (folder) => {
        await makeCertificates(openssl, folder);
        await makeCertificates(openssl, other);
        const client = await credentialsOf(folder, 'client');
        for (const [from, serverName] of [
          [folder, 'elsewhere'],
          [folder, '127.0.0.2'],
          [other, SERVER_NAME],
        ] as const) {
          const server = await credentialsOf(from, 'server');
          await withPair(async (first, second) => {
            const proofs = { client: { ...client, serverName }, server };
            const [atClient] = await handshake(first, second, proofs);
            expect(atClient).toMatchObject(REFUSED);
          });
        }
      }),
    ),
  );

  withOpenssl('refuses a client without a certificate, or with that of strangers', (openssl) =>
    withFolder((other) =>
      withFolder(async (folder) => {
        await makeCertificates(openssl, folder);
        await makeCertificates(openssl, other);
        const { type, authorities } = await credentialsOf(folder, 'client');
        const { certificate, key } = await credentialsOf(other, 'client');
        const server = { ...(await credentialsOf(folder, 'server')), verifyPeer: true };
        for (const client of [
          { type, authorities },
          { type, authorities, certificate, key },
        ]) {
          await withPair(async (first, second) => {
            const [atClient, atServer] = await handshake(first, second, { client, server });
            expect(atServer).toMatchObject(REFUSED);
            // In TLS 1.3 a client has shaken hands before it is refused.
            if (!atClient?.connection) throw new Error('it has not');
            const told = new SocketRecorder(atClient.connection);
            await Promise.race([told.happened('ended'), told.happened('closed')]);
          });
        }
      }),
    ),
  );

  withOpenssl('fails when a certificate is none', (openssl) =>
    withFolder(async (folder) => {
      await makeCertificates(openssl, folder);
      const broken = { ...(await credentialsOf(folder, 'server')), certificate: 'none' };
      await withPair(async (_, server) => {
        const refused = server.startTls({ side: 'server', ...broken });
        await expect(refused).rejects.toMatchObject({ name: 'BlockError' });
      });
    }),
  );
});
