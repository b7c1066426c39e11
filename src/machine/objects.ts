/**
 * What a machine has beside disks and devices, by ids: QEMU's objects.
 *
 * Each kind does its work elsewhere. An `iothread` is accepted and does nothing: all disks are
 * served by one thread.
 */

import { unreachable } from '../base/assert.ts';
import { BlockError } from '../base/errors.ts';
import { demandIdentifier } from '../base/identifier.ts';
import type { Files } from '../env/files.ts';
import type { ThrottleGroups } from '../filters/throttle-groups.ts';
import type { ThrottleLimits } from '../filters/throttle-limits.ts';
import { checkIoThread, type IoThreadProperties } from './iothread.ts';
import { loadSecret, type SecretOptions } from './secret.ts';
import type { TlsCredentialStore, TlsCredentialsOptions } from './tls-credentials.ts';

/** An object, and what it is made from. */
export type MachineObject =
  | { readonly type: 'iothread'; readonly properties: IoThreadProperties }
  | ({ readonly type: 'secret' } & SecretOptions)
  | { readonly type: 'throttle-group'; readonly limits: ThrottleLimits }
  | { readonly type: 'tls-creds-x509' | 'tls-creds-psk'; readonly options: TlsCredentialsOptions };

/** The parts of a machine that objects need. */
export interface ObjectsParts {
  readonly files: Files;
  readonly throttleGroups: ThrottleGroups;
  readonly credentials: TlsCredentialStore;
}

export class MachineObjects {
  readonly #parts: ObjectsParts;
  readonly #objects = new Map<string, MachineObject>();
  readonly #secrets = new Map<string, Uint8Array>();
  #hasBegun = false;

  constructor(parts: ObjectsParts) {
    this.#parts = parts;
  }

  /** All of them by id, the oldest first. */
  get all(): ReadonlyMap<string, MachineObject> {
    return this.#objects;
  }

  /** Whether there has ever been one: from then on QEMU has a folder for them. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /**
   * Makes an object.
   *
   * @throws {BlockError} `EINVAL` for what is no id, `EEXIST` for one in use; else what it cannot
   *   be made for. The reason is QEMU's text.
   */
  async add(id: string, object: MachineObject): Promise<void> {
    const action = `make the object "${id}"`;
    demandIdentifier(id, action);
    if (this.#objects.has(id)) {
      const reason = `attempt to add duplicate property '${id}' to object (type 'container')`;
      throw new BlockError('EEXIST', action, reason);
    }
    await this.#make(id, object);
    this.#objects.set(id, object);
    this.#hasBegun = true;
  }

  /**
   * Changes properties of an iothread.
   *
   * @throws {BlockError} `ENOENT` when there is none of that id, `EINVAL` for what it cannot have;
   *   nothing has changed then.
   */
  setIoThread(id: string, properties: IoThreadProperties): void {
    const thread = this.ioThread(id);
    const changed = { ...thread, ...properties };
    checkIoThread(changed);
    this.#objects.set(id, { type: 'iothread', properties: changed });
  }

  /** @throws {BlockError} `ENOENT` when there is no iothread of that id. */
  ioThread(id: string): IoThreadProperties {
    const found = this.#objects.get(id);
    if (found?.type === 'iothread') return found.properties;
    throw new BlockError('ENOENT', 'use an iothread', `Cannot find iothread ${id}`);
  }

  /** @throws {BlockError} `ENOENT` when there is none of that id, `EBUSY` for one in use. */
  remove(id: string): void {
    const found = this.#objects.get(id);
    if (!found) throw new BlockError('ENOENT', 'remove an object', `object '${id}' not found`);
    if (found.type === 'throttle-group') this.#parts.throttleGroups.remove(id);
    else if (found.type === 'secret') this.#secrets.delete(id);
    else if (found.type !== 'iothread') this.#parts.credentials.remove(id);
    this.#objects.delete(id);
  }

  /** @throws {BlockError} `ENOENT` when there is no secret of that id. */
  secret(id: string): Uint8Array {
    const found = this.#secrets.get(id);
    if (found) return found;
    throw new BlockError('ENOENT', 'use a secret', `No secret with id '${id}'`);
  }

  async #make(id: string, object: MachineObject): Promise<void> {
    const { files, throttleGroups, credentials } = this.#parts;
    switch (object.type) {
      case 'iothread':
        return checkIoThread(object.properties);
      case 'secret':
        this.#secrets.set(id, await loadSecret(files, object, (key) => this.secret(key)));
        return;
      case 'throttle-group':
        throttleGroups.create(id, object.limits);
        return;
      case 'tls-creds-x509':
      case 'tls-creds-psk':
        return credentials.add(id, object.options);
      default:
        unreachable(object);
    }
  }
}
