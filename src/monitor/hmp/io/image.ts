/** The commands about a disk as a whole, and `discard`. */

import { BlockError } from '../../../base/errors.ts';
import { alignUp } from '../../../base/ranges.ts';
import type { BlockNode } from '../../../block/node.ts';
import { type IoCommand, IoStop } from './command.ts';
import { formatAmount, readLength, readSize } from './numbers.ts';
import { demandOperands, parseOptions } from './options.ts';
import { primaryChild } from './primary-child.ts';
import { mediumOf } from './request.ts';
import { transfer } from './transfer.ts';

const SECTOR_SIZE = 512;

/** Drivers that are a protocol to QEMU, which it says of them beside what they are. */
const PROTOCOLS: ReadonlySet<string> = new Set([
  'file',
  'nbd',
  'null-co',
  'null-aio',
  'blkdebug',
  'blkverify',
]);

const length: IoCommand = {
  name: 'length',
  alias: 'l',
  summary: 'gets the length of the current file',
  run(_words, { disk, print }) {
    if (!disk.edge) throw new IoStop('getlength: No medium found');
    print(`${formatAmount(disk.edge.size)}\n`);
  },
};

const info: IoCommand = {
  name: 'info',
  alias: 'i',
  summary: 'prints information about the current file',
  run(_words, { disk, print }) {
    if (!disk.edge) return;
    const { node } = disk.edge;
    const { driver } = node.options;
    print(`format name: ${driver}\n`);
    if (PROTOCOLS.has(driver)) print(`format name: ${driver}\n`);
    if (!hasClusters(node)) return;
    print(`cluster size: ${formatAmount(node.clusterSize ?? 0)}\n`);
    print(`vm state offset: ${formatAmount(0)}\n`);
  },
};

/** Whether QEMU's driver says how it allocates, be it not in clusters. */
function hasClusters(node: BlockNode): boolean {
  if (node.options.driver === 'file') return true;
  const child = primaryChild(node);
  return child !== undefined && hasClusters(child);
}

const flush: IoCommand = {
  name: 'flush',
  alias: 'f',
  summary: 'flush all in-core file state to disk',
  async run(_words, { disk }) {
    try {
      await mediumOf(disk).flush();
    } catch (error) {
      // The exit status of QEMU's program would tell of it; a monitor has none.
      if (!(error instanceof BlockError)) throw error;
    }
  },
};

const truncate: IoCommand = {
  name: 'truncate',
  alias: 't',
  usage: '[-m prealloc_mode] off',
  summary: 'truncates the current file at the given offset',
  countMin: 1,
  countMax: 3,
  needs: ['write', 'resize'],
  async run(words, context) {
    const readers = { m: (mode: string) => mode };
    const { values, operands } = parseOptions(truncate, words, { flags: '', readers }, context);
    const { m: mode = 'off' } = values;
    if (!['off', 'metadata', 'falloc', 'full'].includes(mode)) {
      context.report(`Invalid preallocation mode '${mode}'\n`);
      return;
    }
    const size = readSize(operands[0] ?? '');
    if (mode !== 'off') {
      context.report(`Unsupported preallocation mode: ${mode}\n`);
      return;
    }
    try {
      const { node } = mediumOf(context.disk);
      await context.machine.bitmaps.resize(node, alignUp(size, SECTOR_SIZE));
    } catch (error) {
      if (!(error instanceof BlockError)) throw error;
      context.report(`${error.reason}\n`);
    }
  },
};

const discard: IoCommand = {
  name: 'discard',
  alias: 'd',
  usage: '[-Cq] off len',
  summary: 'discards a number of bytes at a specified offset',
  countMin: 2,
  countMax: Number.POSITIVE_INFINITY,
  needs: ['write'],
  async run(words, context) {
    const { flags, ...given } = parseOptions(discard, words, { flags: 'Cq' }, context);
    const operands = demandOperands(discard, given.operands);
    const offset = readSize(operands[0]);
    const length = readLength(operands[1]);
    await transfer({ offset, length, flags }, context, {
      action: 'discard',
      verb: 'discard',
      start: (edge) => edge.discard(offset, length),
    });
  },
};

/** These commands. */
export const imageCommands: readonly IoCommand[] = [length, info, flush, truncate, discard];
