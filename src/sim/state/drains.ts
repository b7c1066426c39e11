/**
 * The drains under way, each with what the job had been told when it began.
 *
 * That tells them apart: a drain to meet under which a copy fails looks like the one by which the
 * job takes its leave after the failure, and goes on in another way.
 */

import type { BlockNode } from '../../block/node.ts';
import type { ActiveDrain } from '../../block/parent.ts';
import type { Digest } from '../fingerprint.ts';

export class Drains {
  /** By drain under way: the situation in which it was first seen. */
  #situations = new Map<ActiveDrain, number>();

  /** Everything that goes on by itself has done so. @param situation Computes the present one. */
  settled(nodes: readonly BlockNode[], situation: () => number): void {
    const before = this.#situations;
    this.#situations = new Map();
    for (const { drains } of nodes) {
      for (const drain of drains) {
        const began = before.get(drain) ?? this.#situations.get(drain) ?? situation();
        this.#situations.set(drain, began);
      }
    }
  }

  addTo(digest: Digest): void {
    for (const situation of [...this.#situations.values()].sort((one, other) => one - other)) {
      digest.add(situation);
    }
  }
}
