/**
 * The throttle groups of one machine, by name; what QEMU keeps as objects of the type
 * `throttle-group`.
 *
 * A group is made before the disks that join it and stays when they have left.
 */

import { BlockError } from '../base/errors.ts';
import { ThrottleGroup } from './throttle-group.ts';
import type { ThrottleLimits } from './throttle-limits.ts';

export class ThrottleGroups {
  readonly #groups = new Map<string, ThrottleGroup>();
  /** Those that were made for their members only. */
  readonly #implicit = new Set<string>();

  get names(): readonly string[] {
    return [...this.#groups.keys()];
  }

  /**
   * Makes a group.
   *
   * @throws {BlockError} `EEXIST` for a name in use, `EINVAL` for limits that do not go together.
   */
  create(name: string, limits: ThrottleLimits = {}): ThrottleGroup {
    if (this.#groups.has(name)) {
      const reason = 'A group with this name already exists';
      throw new BlockError('EEXIST', `make the throttle group "${name}"`, reason);
    }
    const made = new ThrottleGroup(limits);
    this.#groups.set(name, made);
    return made;
  }

  /** @throws {BlockError} `EINVAL` when there is none of that name. */
  find(name: string): ThrottleGroup {
    const found = this.#groups.get(name);
    if (found) return found;
    const reason = `Throttle group '${name}' does not exist`;
    throw new BlockError('EINVAL', 'find a throttle group', reason);
  }

  /** Finds a group, or makes one that stays as long as it has members. */
  obtain(name: string): ThrottleGroup {
    const found = this.#groups.get(name);
    if (found) return found;
    this.#implicit.add(name);
    return this.create(name);
  }

  /** A member has left a group that was {@link ThrottleGroups.obtain}ed. */
  release(name: string): void {
    if (!this.#implicit.has(name) || this.find(name).size > 0) return;
    this.#implicit.delete(name);
    this.#groups.delete(name);
  }

  /** @throws {BlockError} `EINVAL` when there is none of that name, `EBUSY` when disks use it. */
  remove(name: string): void {
    if (this.find(name).size > 0) {
      const reason = `object '${name}' is in use, can not be deleted`;
      throw new BlockError('EBUSY', `remove the throttle group "${name}"`, reason);
    }
    this.#groups.delete(name);
  }
}
