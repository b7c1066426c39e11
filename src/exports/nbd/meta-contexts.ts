/**
 * What a client can be told of blocks beside their bytes (`doc/proto.md`, "Metadata querying";
 * QEMU's `docs/interop/nbd.rst`).
 *
 *     base:allocation              where there are holes and zeroes
 *     qemu:dirty-bitmap:NAME       what is dirty in a bitmap of the export
 *
 * A query names one of them. To list them, one may also name a part of their tree: `base:`, `qemu:`
 * or `qemu:dirty-bitmap:`. What a server does not know it passes over.
 */

import type { DirtyBitmap } from '../../bitmap/dirty-bitmap.ts';
import { ALLOCATION_CONTEXT, DIRTY_BITMAP_PREFIX } from '../../wire/nbd/constants.ts';
import type { NbdExport } from './export.ts';

/** A context that a client has chosen. */
export interface ChosenContext {
  /** What the replies call it. */
  readonly id: number;
  readonly name: string;
  /** Whose dirty bits it tells; without one it is about allocation. */
  readonly bitmap?: DirtyBitmap | undefined;
}

/** @returns The contexts that match one of the queries, or all when there is none. */
export function listContexts(of: NbdExport, queries: readonly string[]): readonly ChosenContext[] {
  const all = contextsOf(of);
  if (queries.length === 0) return all;
  const wanted = new Set(queries);
  return all.filter(({ name }) => wanted.has(name) || groupsOf(name).some((it) => wanted.has(it)));
}

/** @returns The contexts that one of the queries names. */
export function selectContexts(
  of: NbdExport,
  queries: readonly string[],
): readonly ChosenContext[] {
  const wanted = new Set(queries);
  return contextsOf(of).filter(({ name }) => wanted.has(name));
}

function contextsOf({ bitmaps }: NbdExport): readonly ChosenContext[] {
  const dirty = Array.from(bitmaps, ([name, bitmap], index) => ({
    id: index + 1,
    name: `${DIRTY_BITMAP_PREFIX}${name}`,
    bitmap,
  }));
  return [{ id: 0, name: ALLOCATION_CONTEXT }, ...dirty];
}

/** The queries that name a part of the tree in which a context is. */
function groupsOf(name: string): readonly string[] {
  if (name === ALLOCATION_CONTEXT) return ['base:'];
  return ['qemu:', DIRTY_BITMAP_PREFIX];
}
