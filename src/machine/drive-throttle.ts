/** The throttle limits of a drive: its place in a group, which may be one of its own. */

import type { Clock } from '../env/env.ts';
import type { ThrottleMember } from '../filters/throttle-group.ts';
import type { ThrottleGroups } from '../filters/throttle-groups.ts';
import type { ThrottleLimits } from '../filters/throttle-limits.ts';

export class DriveThrottle {
  /** The name of the group. */
  readonly group: string;
  readonly member: ThrottleMember;
  readonly #groups: ThrottleGroups;

  /** Joins a group, which is made if there is none of that name. */
  constructor(groups: ThrottleGroups, group: string, clock: Clock) {
    this.#groups = groups;
    this.group = group;
    this.member = groups.obtain(group).join(group, clock);
  }

  /** Of the whole group. */
  get limits(): ThrottleLimits {
    return this.#groups.find(this.group).limits;
  }

  /** Leaves the group, which goes with its last member if nobody has made it by name. */
  leave(): void {
    this.member.leave();
    this.#groups.release(this.group);
  }
}
