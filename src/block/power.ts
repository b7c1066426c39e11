/** A disk that has lost power, and with it what it had acknowledged and not made durable. */

import type { BlockNode } from './node.ts';

/**
 * Tells all that stand on a node, however far up, that its disk has just lost power.
 *
 * Whoever is only at work there need not know: its requests fail. But a server of the disk is
 * another matter, for a client that came back later would take what it never flushed for safe.
 */
export function tellPowerLost(node: BlockNode): void {
  for (const { parent, owner } of [...node.parents]) {
    if (owner) tellPowerLost(owner);
    else parent.powerLost?.();
  }
}
