/**
 * Credentials for TLS, by the ids that options such as `tls-creds` give, as QEMU keeps them
 * (`docs/system/tls.rst`).
 *
 *     tls-creds-x509    ca-cert.pem
 *                       server-cert.pem, server-key.pem     of a server
 *                       client-cert.pem, client-key.pem     of a client, which may have none
 *     tls-creds-psk     keys.psk                            lines `identity:key`
 *
 * The files are read when credentials are added, and not again.
 */

import { join } from 'node:path';
import { BlockError } from '../base/errors.ts';
import type { Files } from '../env/files.ts';
import type { TlsCredentials } from '../env/sockets.ts';
import type { NbdUriTls } from '../wire/nbd/uri.ts';
import { readWhole } from './whole-file.ts';

/** What to load, by QEMU's names. */
export type TlsCredentialsOptions = {
  /** The folder with the files. */
  readonly dir: string;
  /** On which side they are to be used. @default "client" */
  readonly endpoint?: 'client' | 'server';
} & (
  | {
      readonly 'qom-type': 'tls-creds-x509';
      /** Of a server: whether clients need a certificate. @default true */
      readonly 'verify-peer'?: boolean;
    }
  | {
      readonly 'qom-type': 'tls-creds-psk';
      /** Of a client: whose key to use. @default "qemu" */
      readonly username?: string;
    }
);

type Endpoint = 'client' | 'server';
type PskCredentials = Extract<TlsCredentials, { readonly type: 'psk' }>;

/** The longest file of certificates or keys that is read. */
const FILE_LENGTH_MAX = 4 * 1024 * 1024;

export class TlsCredentialStore {
  readonly #files: Files;
  readonly #kept = new Map<string, { endpoint: Endpoint; credentials: TlsCredentials }>();

  constructor(files: Files) {
    this.#files = files;
  }

  /**
   * Loads credentials.
   *
   * @throws {BlockError} `EEXIST` for an id that is in use, `ENOENT` and the like for what cannot
   *   be read.
   */
  async add(id: string, options: TlsCredentialsOptions): Promise<void> {
    const { endpoint = 'client' } = options;
    const credentials = await this.#load(endpoint, options);
    if (this.#kept.has(id)) {
      const reason = `attempt to add duplicate property '${id}'`;
      throw new BlockError('EEXIST', `keep TLS credentials as "${id}"`, reason);
    }
    this.#kept.set(id, { endpoint, credentials });
  }

  /** Forgets credentials; connections that were made with them stay as they are. */
  remove(id: string): void {
    if (!this.#kept.delete(id)) throw missing(id);
  }

  /** @throws {BlockError} `ENOENT` for an unknown id, `EINVAL` for those of the other side. */
  find(id: string, endpoint: Endpoint): TlsCredentials {
    const found = this.#kept.get(id);
    if (!found) throw missing(id);
    if (found.endpoint === endpoint) return found.credentials;
    const reason = `Expected TLS credentials for a ${endpoint} endpoint`;
    throw new BlockError('EINVAL', `use TLS credentials "${id}"`, reason);
  }

  /**
   * Loads what an NBD URI names, for a client.
   *
   * @returns The id by which they are kept; of equal ones, the last that were loaded.
   */
  async addForUri(tls: NbdUriTls): Promise<string> {
    const { type, certificates, pskFile, username, verifyPeer } = tls;
    const refuse = (rule: string) => new BlockError('EINVAL', 'use TLS as an NBD URI says', rule);
    if (verifyPeer === false) throw refuse('a server must prove itself: "tls-verify-peer=0"');
    const id = `#uri ${JSON.stringify(tls)}`;
    let credentials: TlsCredentials;
    if (type === 'psk' || (type === undefined && pskFile !== undefined)) {
      if (pskFile === undefined) throw refuse('"tls-psk-file" must name the file with the keys');
      credentials = await this.#loadPsk(pskFile, username);
    } else {
      if (certificates === undefined) {
        throw refuse('"tls-certificates" must name the folder with the certificates');
      }
      credentials = await this.#loadX509(certificates, 'client');
    }
    this.#kept.set(id, { endpoint: 'client', credentials });
    return id;
  }

  async #load(endpoint: Endpoint, options: TlsCredentialsOptions): Promise<TlsCredentials> {
    const { dir } = options;
    if (options['qom-type'] === 'tls-creds-psk') {
      const path = `${dir}/keys.psk`;
      const credentials = await this.#loadPsk(path, options.username);
      if (endpoint === 'client') demandUser(path, credentials);
      return credentials;
    }
    return this.#loadX509(dir, endpoint, options['verify-peer']);
  }

  async #loadPsk(path: string, identity: string | undefined): Promise<PskCredentials> {
    return { type: 'psk', keys: await this.#read(path), identity };
  }

  async #loadX509(dir: string, endpoint: Endpoint, verifyPeer = true): Promise<TlsCredentials> {
    const authorities = await this.#read(join(dir, 'ca-cert.pem'));
    const authority = { type: 'x509', authorities, verifyPeer } as const;
    const certificatePath = join(dir, `${endpoint}-cert.pem`);
    const isAnonymous = endpoint === 'client' && !(await this.#files.status(certificatePath));
    if (isAnonymous) return authority;
    const certificate = await this.#read(certificatePath);
    return { ...authority, certificate, key: await this.#read(join(dir, `${endpoint}-key.pem`)) };
  }

  async #read(path: string): Promise<string> {
    try {
      return new TextDecoder().decode(await readWhole(this.#files, path, FILE_LENGTH_MAX));
    } catch (error) {
      if (!(error instanceof BlockError)) throw error;
      const reason = `Unable to access credentials ${path}: ${error.reason}`;
      throw new BlockError(error.code, `read "${path}"`, reason, { cause: error });
    }
  }
}

function missing(id: string): BlockError {
  return new BlockError('ENOENT', 'use TLS', `No TLS credentials with id '${id}'`);
}

/** @throws {BlockError} `ENOENT` when a client would have no key. */
function demandUser(path: string, { keys, identity = 'qemu' }: PskCredentials): void {
  const hasKey = keys.split('\n').some((line) => line.slice(0, line.lastIndexOf(':')) === identity);
  if (hasKey) return;
  const reason = `Username ${identity} not found in PSK file ${path}`;
  throw new BlockError('ENOENT', `use the keys of "${path}"`, reason);
}
