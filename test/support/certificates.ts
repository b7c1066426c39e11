/**
 * Certificates and keys for tests of TLS, made by `openssl` when they are needed, under the names
 * that QEMU and nbdkit look for in a folder.
 */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TlsCredentials } from '../../src/env/sockets.ts';
import type { Tool } from './tools.ts';

/** Whom the certificates name. */
export const SERVER_NAME = 'localhost';
export const CLIENT_NAME = 'guest 1';

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
const EXTENSIONS = {
  server: `subjectAltName=DNS:${SERVER_NAME},IP:127.0.0.1\nextendedKeyUsage=serverAuth`,
  client: 'extendedKeyUsage=clientAuth',
} as const;

/** Makes an authority, and a certificate of it for a server and for a client. */
export async function makeCertificates(openssl: Tool, folder: string): Promise<void> {
  const run = (...args: string[]) => openssl(args, { cwd: folder });
  const authority = ['-keyout', 'ca-key.pem', '-out', 'ca-cert.pem', '-subj', '/CN=authority'];
  const usage = ['-addext', 'keyUsage=critical,keyCertSign'];
  await run('req', '-x509', ...NEW_KEY, ...authority, ...usage, '-days', '2');
  for (const [side, name] of [
    ['server', SERVER_NAME],
    ['client', CLIENT_NAME],
  ] as const) {
    const [key, request, extensions] = [`${side}-key.pem`, `${side}.csr`, `${side}.ext`];
    const rules = `basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n`;
    await writeFile(join(folder, extensions), rules + EXTENSIONS[side]);
    await run('req', '-new', ...NEW_KEY, '-keyout', key, '-out', request, '-subj', `/CN=${name}`);
    const signer = ['-CA', 'ca-cert.pem', '-CAkey', 'ca-key.pem', '-CAcreateserial'];
    const made = ['-extfile', extensions, '-out', `${side}-cert.pem`, '-days', '2'];
    await run('x509', '-req', '-in', request, ...signer, ...made);
  }
}

/** What one side proves itself by, out of such a folder. */
export async function credentialsOf(
  folder: string,
  side: 'client' | 'server',
): Promise<Extract<TlsCredentials, { type: 'x509' }>> {
  const read = (name: string) => readFile(join(folder, name), 'utf8');
  return {
    type: 'x509',
    authorities: await read('ca-cert.pem'),
    certificate: await read(`${side}-cert.pem`),
    key: await read(`${side}-key.pem`),
  };
}
