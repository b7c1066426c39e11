import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { nodeSockets } from '../../src/env/node-sockets.ts';
import type { Connection, SocketAddress, TlsCredentials } from '../../src/env/sockets.ts';
import {
  CLIENT_NAME,
  credentialsOf,
  makeCertificates,
  SERVER_NAME,
} from '../support/certificates.ts';
import { SocketRecorder } from '../support/socket-recorder.ts';
import { withFolder } from '../support/temporary.ts';
import { interop } from '../support/tools.ts';

// The least of the NBD handshake that leads to TLS and back to words.
const GREETING = Buffer.from('4e42444d41474943' + '49484156454f5054' + '0003', 'hex');
const OPTION = '49484156454f5054';
const STARTTLS = Buffer.from(`${OPTION}0000000500000000`, 'hex');
const LIST = Buffer.from(`${OPTION}0000000300000000`, 'hex');
const REPLY = '0003e889045565a9';
const ACKNOWLEDGE = '00000001';
const UNSUPPORTED = '80000001';

const KEYS = 'other:00112233\nqemu:0123456789abcdef0123456789abcdef\n';
const PSK = { type: 'psk', keys: KEYS } as const;
const VERSIONS = ['NORMAL:-VERS-ALL:+VERS-TLS1.2', 'NORMAL:-VERS-ALL:+VERS-TLS1.3'];

/** Goes over to TLS as a client of NBD. @returns The first 8 bytes of the answer to a LIST. */
async function listUnderTls(path: string, tls: TlsCredentials): Promise<string> {
  const plain = await nodeSockets.connect({ type: 'unix', path });
  const before = new SocketRecorder(plain);
  await before.received(18);
  plain.write(Buffer.concat([Buffer.from('00000003', 'hex'), STARTTLS]));
  await before.received(18 + 20);
  const options = { side: 'client', ...tls, serverName: SERVER_NAME } as const;
  const secured = await plain.startTls(options);
  const after = new SocketRecorder(secured);
  secured.write(LIST);
  await after.received(20);
  secured.destroy();
  return after.bytes.toString('hex', 0, 8);
}

/** Serves no export at all, but over TLS; tells who came. */
async function serveTls(
  address: SocketAddress,
  tls: TlsCredentials,
  body: (address: SocketAddress) => Promise<unknown>,
): Promise<readonly (string | undefined)[]> {
  const identities: (string | undefined)[] = [];
  const listener = await nodeSockets.listen(address, async (plain) => {
    plain.write(GREETING);
    const before = new SocketRecorder(plain);
    await before.received(4 + 16);
    plain.write(Buffer.from(`${REPLY}00000005${ACKNOWLEDGE}00000000`, 'hex'));
    const secured = await plain.startTls({ side: 'server', ...tls }).catch(() => undefined);
    if (!secured) return;
    identities.push(secured.peerIdentity);
    answerOptions(secured);
  });
  await body(listener.address).finally(() => listener.close());
  return identities;
}

function answerOptions(connection: Connection): void {
  let rest = Buffer.alloc(0);
  connection.receive({
    data(bytes) {
      rest = Buffer.concat([rest, bytes]);
      while (rest.length >= 16 && rest.length >= 16 + rest.readUInt32BE(12)) {
        const option = rest.toString('hex', 8, 12);
        const type = ['00000002', '00000003'].includes(option) ? ACKNOWLEDGE : UNSUPPORTED;
        connection.write(Buffer.from(`${REPLY}${option}${type}00000000`, 'hex'));
        rest = rest.subarray(16 + rest.readUInt32BE(12));
      }
    },
    drained() {},
    closed() {},
  });
}

/** Runs a server of nbdkit for as long as `body` does. */
async function withNbdkit(
  path: string,
  args: readonly string[],
  body: (socket: string) => Promise<void>,
): Promise<void> {
  const run = ['--run', 'echo "$unixsocket"; cat >/dev/null'];
  const child = spawn(path, [...args, '-U', '-', 'memory', '1M', ...run]);
  const exited = new Promise((resolve) => child.on('exit', resolve));
  try {
    const socket = await new Promise<string>((resolve, reject) => {
      child.stdout.once('data', (line) => resolve(String(line).trim()));
      child.stderr.once('data', (text) => reject(new Error(String(text))));
    });
    await body(socket);
  } finally {
    child.stdin.end();
    await exited;
  }
}

async function withPsk(folder: string): Promise<string> {
  const path = join(folder, 'keys.psk');
  await writeFile(path, KEYS);
  return path;
}

describe('TLS with nbdkit', () => {
  const { it } = interop('openssl', 'nbdkit', 'nbdinfo');

  it('reaches its server with certificates of both sides', (openssl, nbdkit) =>
    withFolder(async (folder) => {
      await makeCertificates(openssl, folder);
      const args = ['--tls=require', `--tls-certificates=${folder}`, '--tls-verify-peer'];
      const own = await credentialsOf(folder, 'client');
      await withNbdkit(nbdkit.path, args, async (socket) => {
        expect(await listUnderTls(socket, own)).toBe(REPLY);
      });
    }));

  it('reaches its server with keys', (_, nbdkit) =>
    withFolder(async (folder) => {
      const args = ['--tls=require', `--tls-psk=${await withPsk(folder)}`];
      await withNbdkit(nbdkit.path, args, async (socket) => {
        expect(await listUnderTls(socket, PSK)).toBe(REPLY);
      });
    }));

  it('is reached by libnbd with certificates, and knows the client', (openssl, _, nbdinfo) =>
    withFolder(async (folder) => {
      await makeCertificates(openssl, folder);
      const own = { ...(await credentialsOf(folder, 'server')), verifyPeer: true };
      const local = { type: 'inet', host: '127.0.0.1', port: 0 } as const;
      const names = await serveTls(local, own, async (address) => {
        const port = address.type === 'inet' ? address.port : 0;
        const uri = `nbds://${SERVER_NAME}:${port}/?tls-certificates=${folder}`;
        const { stdout } = await nbdinfo(['--list', uri]);
        expect(stdout).toContain('with TLS');
      });
      expect(names).toEqual([CLIENT_NAME]);
    }));

  it('is reached by libnbd with keys, and knows the client', (_, __, nbdinfo) =>
    withFolder(async (folder) => {
      const keys = await withPsk(folder);
      const path = join(folder, 'socket');
      const names = await serveTls({ type: 'unix', path }, PSK, async () => {
        const uri = `nbds+unix://qemu@/?socket=${path}&tls-psk-file=${keys}`;
        expect((await nbdinfo(['--list', uri])).stdout).toContain('with TLS');
      });
      expect(names).toEqual(['qemu']);
    }));
});

describe.each(VERSIONS)('TLS with QEMU (%s)', (priority) => {
  const { it } = interop('openssl', 'qemu-nbd');
  const certificates = (folder: string, endpoint: string) =>
    `tls-creds-x509,id=tls0,dir=${folder},endpoint=${endpoint},priority=${priority}`;
  const keys = (folder: string, endpoint: string) =>
    `tls-creds-psk,id=tls0,dir=${folder},endpoint=${endpoint},priority=${priority}`;

  /** A server of QEMU, which ends when its only client has gone. */
  const withServer = async (
    qemuNbd: { readonly path: string },
    place: { readonly folder: string; readonly object: string },
    tls: TlsCredentials,
  ) => {
    const { folder, object } = place;
    const socket = join(folder, 'socket');
    const image = join(folder, 'image');
    await writeFile(image, new Uint8Array(4096));
    const args = ['-f', 'raw', '-k', socket, '--object', object, '--tls-creds', 'tls0'];
    const pidFile = join(folder, 'pid');
    const child = spawn(qemuNbd.path, [...args, '--fork', '--pid-file', pidFile, image], {
      stdio: 'ignore',
    });
    await new Promise((resolve) => child.on('exit', resolve));
    try {
      expect(await listUnderTls(socket, tls)).toBe(REPLY);
    } finally {
      process.kill(Number(await readFile(pidFile, 'utf8')));
    }
  };

  it('reaches its server with certificates of both sides', (openssl, qemuNbd) =>
    withFolder(async (folder) => {
      await makeCertificates(openssl, folder);
      const object = `${certificates(folder, 'server')},verify-peer=on`;
      await withServer(qemuNbd, { folder, object }, await credentialsOf(folder, 'client'));
    }));

  it('reaches its server with keys', (_, qemuNbd) =>
    withFolder(async (folder) => {
      await withPsk(folder);
      await withServer(qemuNbd, { folder, object: keys(folder, 'server') }, PSK);
    }));

  it('is reached by it with certificates, and knows the client', (openssl, qemuNbd) =>
    withFolder(async (folder) => {
      await makeCertificates(openssl, folder);
      const own = { ...(await credentialsOf(folder, 'server')), verifyPeer: true };
      const path = join(folder, 'socket');
      const names = await serveTls({ type: 'unix', path }, own, async () => {
        const creds = ['--object', certificates(folder, 'client'), '--tls-creds', 'tls0'];
        await qemuNbd(['--list', '-k', path, ...creds, '--tls-hostname', SERVER_NAME]);
      });
      expect(names).toEqual([CLIENT_NAME]);
    }));

  it('is reached by it with keys, and knows the client', (_, qemuNbd) =>
    withFolder(async (folder) => {
      await withPsk(folder);
      const path = join(folder, 'socket');
      const names = await serveTls({ type: 'unix', path }, PSK, async () => {
        const creds = ['--object', keys(folder, 'client'), '--tls-creds', 'tls0'];
        await qemuNbd(['--list', '-k', path, ...creds]);
      });
      expect(names).toEqual(['qemu']);
    }));
});
