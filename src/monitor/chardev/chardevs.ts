/** The chardevs of a monitor, by their ids. */

import { BlockError } from '../../base/errors.ts';
import { Chardev } from './chardev.ts';
import { type ChardevOpening, type ChardevWorld, openBackend } from './open.ts';

export class Chardevs {
  readonly #world: ChardevWorld;
  readonly #chardevs = new Map<string, Chardev>();

  constructor(world: ChardevWorld) {
    this.#world = world;
  }

  /** All of them, the oldest first. */
  get all(): readonly Chardev[] {
    return [...this.#chardevs.values()];
  }

  /**
   * Makes one; a server that is to wait for its first client does so.
   *
   * @throws {BlockError} `EEXIST` for an id in use; else as {@link openBackend}.
   */
  async add(opening: ChardevOpening): Promise<Chardev> {
    const { id, options } = opening;
    if (this.#chardevs.has(id)) {
      const reason = `attempt to add duplicate property '${id}' to object (type 'container')`;
      throw new BlockError('EEXIST', `add the chardev "${id}"`, reason);
    }
    if (options.type === 'stdio' && this.all.some(({ backend }) => backend.type === 'stdio')) {
      const reason = 'cannot use stdio by multiple character devices';
      throw new BlockError('EBUSY', `add the chardev "${id}"`, reason);
    }
    const { env, report } = this.#world;
    const added = new Chardev(id, await openBackend(this.#world, opening), env.clock);
    this.#chardevs.set(id, added);
    if (options.type === 'socket' && options.data.server !== false && options.data.wait) {
      report(`info: QEMU waiting for connection on: ${added.filename}`);
      await added.opened;
    }
    return added;
  }

  /** The one of that id, if there is one. */
  get(id: string): Chardev | undefined {
    return this.#chardevs.get(id);
  }

  /** @throws {BlockError} `ENOENT` when there is none of that id. */
  find(id: string): Chardev {
    const found = this.get(id);
    if (found) return found;
    throw new BlockError('ENOENT', 'find a chardev', `chardev "${id}" not found`);
  }

  /** Takes one away that has no front end. @throws {BlockError} `ENOENT`, `EBUSY`. */
  async remove(id: string): Promise<void> {
    const found = this.#chardevs.get(id);
    const action = `remove the chardev "${id}"`;
    if (!found) throw new BlockError('ENOENT', action, `Chardev '${id}' not found`);
    if (found.isInUse) throw new BlockError('EBUSY', action, `Chardev '${id}' is busy`);
    this.#chardevs.delete(id);
    await found.close();
  }

  /** Closes all of them. */
  async close(): Promise<void> {
    await Promise.all(this.all.map((chardev) => chardev.close()));
    this.#chardevs.clear();
  }
}
