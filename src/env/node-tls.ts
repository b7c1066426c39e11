/**
 * TLS by way of `node:tls`, on top of a connected socket.
 *
 * With keys that both sides have there are no certificates: the suites are those of PSK, in TLS 1.2
 * and 1.3. That is what GnuTLS speaks on behalf of QEMU and nbdkit.
 */

import { isIP, type Socket } from 'node:net';
import * as tls from 'node:tls';
import { BlockError } from '../base/errors.ts';
import { socketError } from './node-socket-errors.ts';
import type { TlsOptions } from './sockets.ts';

/** What a connection is after the handshake. */
export interface SecuredSocket {
  readonly socket: Socket;
  /** Of the peer, where it has proved one. */
  readonly identity: string | undefined;
}

type X509Options = TlsOptions & { readonly type: 'x509' };
type PskOptions = TlsOptions & { readonly type: 'psk' };

/** Suites for keys, those of TLS 1.3 first; with forward secrecy, and then without. */
const PSK_CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'ECDHE-PSK-CHACHA20-POLY1305',
  'ECDHE-PSK-AES128-CBC-SHA256',
  'DHE-PSK-AES128-GCM-SHA256',
  'DHE-PSK-AES256-GCM-SHA384',
  'PSK-AES128-GCM-SHA256',
  'PSK-AES256-GCM-SHA384',
].join(':');

const DEFAULT_IDENTITY = 'qemu';

/** How long a handshake may take. */
const HANDSHAKE_MS = 30_000;

/**
 * Shakes hands.
 *
 * @param socket What it holds unread and what still comes is taken for TLS.
 * @param peer For messages. @throws {BlockError} As `Connection.startTls` does.
 */
export async function secure(
  socket: Socket,
  options: TlsOptions,
  peer: string,
): Promise<SecuredSocket> {
  const action = `start TLS with "${peer}"`;
  let timer: NodeJS.Timeout | undefined;
  const aborted = new Promise<never>((_, reject) => {
    const abort = (code: 'ETIMEDOUT' | 'ECONNABORTED', why: string) =>
      reject(new BlockError(code, action, why));
    timer = setTimeout(() => abort('ETIMEDOUT', 'the other side is silent'), HANDSHAKE_MS);
    const giveUp = () => abort('ECONNABORTED', 'the connection is over');
    if (socket.destroyed) giveUp();
    // What TLS has to say of it comes before.
    else socket.once('close', () => setImmediate(giveUp));
  });
  // Who ends half of the connection now will not shake hands any more.
  socket.allowHalfOpen = false;
  try {
    const handshake =
      options.side === 'client' ? greet(socket, options, action) : admit(socket, options, action);
    const secured = await Promise.race([handshake, aborted]);
    secured.socket.allowHalfOpen = true;
    return secured;
  } catch (error) {
    socket.destroy();
    throw socketError(error, action);
  } finally {
    clearTimeout(timer);
  }
}

function greet(socket: Socket, options: TlsOptions, action: string): Promise<SecuredSocket> {
  return new Promise((resolve, reject) => {
    const proofs =
      options.type === 'x509' ? clientCertificate(options) : clientKey(options, action);
    const secured = tls.connect({ socket, ...proofs });
    secured.on('error', reject);
    secured.on('secureConnect', () => {
      resolve({ socket: secured, identity: commonNameOf(secured) });
    });
  });
}

function admit(socket: Socket, options: TlsOptions, action: string): Promise<SecuredSocket> {
  return new Promise((resolve, reject) => {
    let identity: string | undefined;
    let refusal: BlockError | undefined;
    const client = {
      known(name: string) {
        identity = name;
      },
      unknown(name: string) {
        refusal = new BlockError('EACCES', action, `"${name}" has no key`);
      },
    };
    const proofs =
      options.type === 'x509' ? serverCertificate(options) : serverKeys(options, client);
    // It never listens: it is what checks a client's certificate.
    const server = tls.createServer(proofs);
    server.on('tlsClientError', (error, secured) => {
      reject(refusal ?? verdictOn(secured, action) ?? error);
    });
    server.on('secureConnection', (secured) => {
      resolve({ socket: secured, identity: identity ?? commonNameOf(secured) });
    });
    server.emit('connection', socket);
  });
}

function clientCertificate(options: X509Options): tls.ConnectionOptions {
  const { serverName } = options;
  return {
    ...certificateOf(options),
    // An address is no name that TLS would send along.
    ...(serverName === undefined || isIP(serverName) ? {} : { servername: serverName }),
    checkServerIdentity: (_, certificate) =>
      serverName === undefined ? undefined : tls.checkServerIdentity(serverName, certificate),
  };
}

function serverCertificate(options: X509Options): tls.TlsOptions {
  const { verifyPeer = false } = options;
  return { ...certificateOf(options), requestCert: verifyPeer, rejectUnauthorized: true };
}

function certificateOf({ authorities, certificate, key }: X509Options): tls.SecureContextOptions {
  return { ca: authorities, cert: certificate, key };
}

function clientKey(
  { keys, identity = DEFAULT_IDENTITY }: PskOptions,
  action: string,
): tls.ConnectionOptions {
  const key = parseKeys(keys).get(identity);
  if (!key) throw new BlockError('EACCES', action, `"${identity}" has no key`);
  return {
    ciphers: PSK_CIPHERS,
    pskCallback: () => ({ psk: key, identity }),
    // There is no certificate to check: that the keys agree is the proof.
    checkServerIdentity: () => undefined,
  };
}

/** @param client Is told who the client says it is, and whether there is a key of that name. */
function serverKeys(
  { keys }: PskOptions,
  client: { known(identity: string): void; unknown(identity: string): void },
): tls.TlsOptions {
  const parsed = parseKeys(keys);
  return {
    ciphers: PSK_CIPHERS,
    pskCallback(_, identity) {
      const key = parsed.get(identity);
      if (key) client.known(identity);
      else client.unknown(identity);
      return key ?? null;
    },
  };
}

/** Why a client's certificate was refused, if it was: Node only says that the client is gone. */
function verdictOn(client: tls.TLSSocket, action: string): BlockError | undefined {
  const reason: unknown = client.authorizationError;
  if (typeof reason !== 'string') return undefined;
  return new BlockError('EACCES', action, `the certificate is not accepted: ${reason}`);
}

/** Keys by identity; the last colon of a line is the one that parts them. */
function parseKeys(text: string): ReadonlyMap<string, Buffer> {
  const lines = text.split(/\r?\n/).filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(':');
      return [line.slice(0, at), Buffer.from(line.slice(at + 1), 'hex')];
    }),
  );
}

/** Of a certificate that was asked for and has been checked. */
function commonNameOf(secured: tls.TLSSocket): string | undefined {
  if (!secured.authorized) return undefined;
  const name: string | string[] | undefined = secured.getPeerCertificate().subject?.CN;
  return typeof name === 'object' ? name[0] : name;
}
