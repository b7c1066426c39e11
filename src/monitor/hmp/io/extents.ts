/** The commands that tell what is allocated: `map` and `alloc`. */

import { BlockError } from '../../../base/errors.ts';
import type { ByteRange } from '../../../base/ranges.ts';
import type { BlockEdge } from '../../../block/edge.ts';
import { extents, type PlacedExtent } from '../../../block/extents.ts';
import type { IoCommand } from './command.ts';
import { formatAmount, readSize } from './numbers.ts';
import { mediumOf } from './request.ts';

/** What `alloc` looks at where it is not told. */
const SECTOR_SIZE = 512;

export const alloc: IoCommand = {
  name: 'alloc',
  alias: 'a',
  usage: 'offset [count]',
  summary: 'checks if offset is allocated in the file',
  countMin: 1,
  countMax: 2,
  async run([start = '', count], context) {
    const offset = readSize(start);
    const wanted = count === undefined ? SECTOR_SIZE : readSize(count);
    await telling('is_allocated failed', context.print, async () => {
      const edge = mediumOf(context.disk);
      const length = Math.max(0, Math.min(wanted, edge.size - offset));
      let allocated = 0;
      for await (const extent of extents(edge, { offset, length })) {
        if (extent.allocated) allocated += extent.length;
      }
      const place = `offset ${formatAmount(offset)}`;
      context.print(`${allocated}/${length} bytes allocated at ${place}\n`);
    });
  },
};

export const map: IoCommand = {
  name: 'map',
  usage: '',
  summary: 'prints the allocated areas of a file',
  async run(_words, { disk, print, report }) {
    if (!disk.edge) {
      report('Failed to query image length: No medium found\n');
      return;
    }
    const edge = disk.edge;
    await telling('Failed to get allocation status', report, async () => {
      for await (const extent of allocations(edge, { offset: 0, length: edge.size })) {
        const { offset, length, allocated } = extent;
        const state = allocated ? '    allocated' : 'not allocated';
        print(`${both(length)} bytes ${state} at offset ${both(offset)}\n`);
      }
    });
  },
};

/** Gives the parts of a range that are allocated, and those that are not, in turn. */
async function* allocations(edge: BlockEdge, range: ByteRange): AsyncGenerator<PlacedExtent> {
  let last: PlacedExtent | undefined;
  for await (const extent of extents(edge, range)) {
    if (last?.allocated === extent.allocated) {
      last = { ...last, length: last.length + extent.length };
    } else {
      if (last) yield last;
      last = extent;
    }
  }
  if (last) yield last;
}

/** @param failure What to tell when a query fails. */
async function telling(
  failure: string,
  tell: (text: string) => void,
  query: () => Promise<void>,
): Promise<void> {
  try {
    await query();
  } catch (error) {
    if (!(error instanceof BlockError)) throw error;
    tell(`${failure}: ${error.description}\n`);
  }
}

/** Writes bytes for people and for programs. */
function both(bytes: number): string {
  return `${formatAmount(bytes)} (0x${bytes.toString(16)})`;
}
