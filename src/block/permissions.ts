/**
 * Who may do what to a node at the same time: QEMU's permissions, in the part that has a meaning
 * here.
 *
 * Each parent says what it needs and what it lets others do. Two parents exclude each other when
 * one needs what the other does not share.
 */

import { BlockError } from '../base/errors.ts';
import type { EdgeParent, Permission } from './parent.ts';

/** A node, as far as it matters here. */
interface Named {
  readonly name: string;
}

/** @throws {BlockError} `EBUSY` when the two exclude each other. */
export function demandCompatible(node: Named, comer: EdgeParent, other: EdgeParent): void {
  const refused = missing(comer, other);
  if (refused) throw conflict(node, comer, other, refused);
  const unshared = missing(other, comer);
  if (unshared) throw conflict(node, other, comer, unshared);
}

/** What `parent` needs and `other` does not share. */
function missing(parent: EdgeParent, other: EdgeParent): Permission | undefined {
  const { shares } = other;
  return shares && parent.needs?.find((permission) => !shares.includes(permission));
}

/** The error of a parent that needs what another one does not share, in QEMU's words. */
export function conflict(
  node: Named,
  parent: EdgeParent,
  other: EdgeParent,
  permission: Permission,
): BlockError {
  const both = `permissions '${permission}' are both required by ${describe(parent)}`;
  const reason = `Permission conflict on node '${node.name}': ${both} and unshared by`;
  return new BlockError('EBUSY', `use "${node.name}"`, `${reason} ${describe(other)}`);
}

function describe({ name, kind = 'node' }: EdgeParent): string {
  return `${kind === 'job' ? 'block job' : kind} '${name}'`;
}
