/** Dirty bitmaps, as commands and transactions name them. */

import { alternate, list, optional, struct, withDefault } from '../../wire/qapi/composites.ts';
import { bool, str, uint32 } from '../../wire/qapi/scalars.ts';

/** One that is there. */
export const dirtyBitmap = struct('BlockDirtyBitmap', { node: str, name: str });

/** One to be added. */
export const dirtyBitmapAdd = struct('BlockDirtyBitmapAdd', {
  node: str,
  name: str,
  granularity: optional(uint32),
  persistent: withDefault(bool, false),
  disabled: withDefault(bool, false),
});

/** One that is there, perhaps on another node. */
const dirtyBitmapOrName = alternate('BlockDirtyBitmapOrStr', [str, dirtyBitmap]);

/** One that others are to be merged into. */
export const dirtyBitmapMerge = struct('BlockDirtyBitmapMerge', {
  node: str,
  target: str,
  bitmaps: list(dirtyBitmapOrName),
});

export const dirtyBitmapSha256 = struct('BlockDirtyBitmapSha256', { sha256: str });
