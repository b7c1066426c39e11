/**
 * `--drive`: a drive, its medium, and where a device is to use it, all in one list of options.
 *
 * Some of them are the drive's, some say where a device of it goes, and what is left are options of
 * the node, in which a dot leads to that of the node below: `file.locking=off`.
 */

import { BlockError } from '../base/errors.ts';
import type { ErrorPolicy } from '../block/error-policy.ts';
import type { ThrottleLimits } from '../filters/throttle-limits.ts';
import type { DriveStart } from '../machine/open-drive.ts';
import { parseKeyval } from '../wire/options/keyval.ts';
import { convertOption, type OptionList } from '../wire/options/option-list.ts';
import type { JsonObject } from '../wire/qmp/json-value.ts';

/** Where the device of a drive goes. */
export interface DrivePlace {
  readonly bus: 'none' | 'virtio';
  /** Which one it is on its bus. @default The next that is free. */
  readonly index: number | undefined;
}

/** A drive that was asked for; its name may be left to its place. */
export interface GivenDrive extends Omit<DriveStart, 'name'> {
  readonly place: DrivePlace;
  readonly name: string | undefined;
}

/** What options were once called. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['iops', 'throttling.iops-total'],
  ['iops_rd', 'throttling.iops-read'],
  ['iops_wr', 'throttling.iops-write'],
  ['bps', 'throttling.bps-total'],
  ['bps_rd', 'throttling.bps-read'],
  ['bps_wr', 'throttling.bps-write'],
  ['iops_max', 'throttling.iops-total-max'],
  ['iops_rd_max', 'throttling.iops-read-max'],
  ['iops_wr_max', 'throttling.iops-write-max'],
  ['bps_max', 'throttling.bps-total-max'],
  ['bps_rd_max', 'throttling.bps-read-max'],
  ['bps_wr_max', 'throttling.bps-write-max'],
  ['iops_size', 'throttling.iops-size'],
  ['group', 'throttling.group'],
  ['readonly', 'read-only'],
]);

/** What the words of `cache` stand for. */
const CACHE_MODES: ReadonlyMap<string, CacheMode> = new Map([
  ['none', { direct: 'on', noFlush: 'off', writeback: 'on' }],
  ['off', { direct: 'on', noFlush: 'off', writeback: 'on' }],
  ['writeback', { direct: 'off', noFlush: 'off', writeback: 'on' }],
  ['unsafe', { direct: 'off', noFlush: 'on', writeback: 'on' }],
  ['directsync', { direct: 'on', noFlush: 'off', writeback: 'off' }],
  ['writethrough', { direct: 'off', noFlush: 'off', writeback: 'off' }],
]);

interface CacheMode {
  readonly direct: string;
  readonly noFlush: string;
  readonly writeback: string;
}

/** @throws {BlockError} `EINVAL` for options that cannot be; the reason is QEMU's text. */
export function readDrive(list: OptionList): GivenDrive {
  const bag = new OptionBag(list);
  const cache = readCache(bag);
  const media = bag.take('media');
  if (media !== undefined && media !== 'disk' && media !== 'cdrom') {
    throw refuse(`'${media}' invalid media`);
  }
  const place = readPlace(bag);
  const filename = bag.take('file') || undefined;
  const discard = readDiscard(bag);
  readAio(bag, cache);
  const { limits, group } = readLimits(bag);
  const detectZeroes = readDetectZeroes(bag);
  const statsIntervals = readIntervals(bag);
  const accountRules = {
    invalid: bag.takeBoolean('stats-account-invalid') ?? true,
    failed: bag.takeBoolean('stats-account-failed') ?? true,
  };
  const format = bag.take('format');
  const werror = readPolicy(bag, 'werror');
  const rerror = readPolicy(bag, 'rerror');
  const readOnly = bag.takeBoolean('read-only') ?? media === 'cdrom';
  const snapshot = bag.takeBoolean('snapshot');
  const copyOnRead = bag.takeBoolean('copy-on-read');
  const rest = bag.tree();
  const isEmpty = filename === undefined && Object.keys(rest).length === 0;
  if (isEmpty && format !== undefined) {
    throw refuse('A block device must be specified for "file"');
  }
  const common = {
    'read-only': readOnly ? 'on' : 'off',
    'auto-read-only': 'on',
    discard,
    'detect-zeroes': detectZeroes === 'unmap' && discard !== 'unmap' ? 'on' : detectZeroes,
    cache: { direct: cache.direct, 'no-flush': cache.noFlush },
  };
  return {
    ...{ name: list.id, place, limits, group, snapshot, copyOnRead },
    ...{ rerror, werror, readOnly, detectZeroes, statsIntervals, accountRules },
    writeCache: cache.writeback !== 'off',
    image: isEmpty ? undefined : { filename, format, options: { ...common, ...rest } },
  };
}

/** Options that are taken out one by one. */
class OptionBag {
  readonly #options = new Map<string, string>();

  constructor({ options }: OptionList) {
    for (const { name, value } of options) {
      const renamed = ALIASES.get(name);
      if (renamed !== undefined && options.some((other) => other.name === renamed)) {
        throw refuse(`'${renamed}' and its alias '${name}' can't be used at the same time`);
      }
      this.#options.set(renamed ?? name, value);
    }
  }

  take(name: string): string | undefined {
    const value = this.#options.get(name);
    this.#options.delete(name);
    return value;
  }

  takeBoolean(name: string): boolean | undefined {
    const value = this.take(name);
    return value === undefined ? undefined : convertOption({ name, value }, 'bool') === true;
  }

  takeNumber(name: string): number | undefined {
    const value = this.take(name);
    return value === undefined ? undefined : Number(convertOption({ name, value }, 'number'));
  }

  /** The names that begin so. */
  names(prefix: string): readonly string[] {
    return [...this.#options.keys()].filter((name) => name.startsWith(prefix));
  }

  /** What is left, as the options of a node. */
  tree(): JsonObject {
    const options = [...this.#options].map(([name, value]) => [name, value.replaceAll(',', ',,')]);
    const text = options.map(([name, value]) => `${name}=${value}`).join(',');
    return parseKeyval(text, { hasHelp: false }).values;
  }
}

function readCache(bag: OptionBag): CacheMode {
  const word = bag.take('cache') ?? 'writeback';
  const mode = CACHE_MODES.get(word);
  if (!mode) throw refuse('invalid cache option');
  const own = (name: string) => {
    const value = bag.takeBoolean(`cache.${name}`);
    return value === undefined ? undefined : value ? 'on' : 'off';
  };
  return {
    direct: own('direct') ?? mode.direct,
    noFlush: own('no-flush') ?? mode.noFlush,
    writeback: own('writeback') ?? mode.writeback,
  };
}

/** Buses that QEMU knows and that nothing here is on. */
const OTHER_BUSES: ReadonlySet<string> = new Set([
  'ide',
  'scsi',
  'floppy',
  'pflash',
  'mtd',
  'sd',
  'xen',
]);

function readPlace(bag: OptionBag): DrivePlace {
  const bus = bag.take('if') ?? 'virtio';
  const number = bag.takeNumber('bus');
  const unit = bag.takeNumber('unit');
  const index = bag.takeNumber('index');
  if (index !== undefined && (number !== undefined || unit !== undefined)) {
    throw refuse('index cannot be used with bus and unit');
  }
  if (OTHER_BUSES.has(bus)) {
    const where = `bus=${number ?? 0},unit=${unit ?? index ?? 0}`;
    throw refuse(`machine type does not support if=${bus},${where}`);
  }
  if (bus !== 'none' && bus !== 'virtio') throw refuse(`unsupported bus type '${bus}'`);
  return { bus, index: unit ?? index };
}

function readDiscard(bag: OptionBag): 'ignore' | 'unmap' {
  const word = bag.take('discard') ?? 'ignore';
  if (word === 'ignore' || word === 'off') return 'ignore';
  if (word === 'unmap' || word === 'on') return 'unmap';
  throw refuse('Invalid discard option');
}

/** How files are read and written is this program's own affair, but the words are checked. */
function readAio(bag: OptionBag, { direct }: CacheMode): void {
  const word = bag.take('aio') ?? 'threads';
  if (!['threads', 'native', 'io_uring'].includes(word)) throw refuse('invalid aio option');
  if (word !== 'native' || direct === 'on') return;
  const rule = 'it requires cache.direct=on, which was not specified.';
  throw refuse(`aio=native was specified, but ${rule}`);
}

function readLimits(bag: OptionBag): {
  readonly limits: ThrottleLimits;
  readonly group: string | undefined;
} {
  const prefix = 'throttling.';
  const group = bag.take(`${prefix}group`);
  const entries = bag
    .names(prefix)
    .map((name) => [name.slice(prefix.length), bag.takeNumber(name)] as const);
  return { limits: Object.fromEntries(entries), group };
}

function readDetectZeroes(bag: OptionBag): 'off' | 'on' | 'unmap' {
  const word = bag.take('detect-zeroes') ?? 'off';
  if (word === 'off' || word === 'on' || word === 'unmap') return word;
  throw refuse(`invalid parameter value: ${word}`);
}

function readIntervals(bag: OptionBag): readonly number[] {
  const lengths: number[] = [];
  for (;;) {
    const text = bag.take(`stats-intervals.${lengths.length}`);
    if (text === undefined) break;
    if (!/^\d+$/.test(text) || Number(text) === 0) {
      throw refuse(`Invalid interval length: ${text}`);
    }
    lengths.push(Number(text));
  }
  const [left] = bag.names('stats-intervals.');
  if (left !== undefined) throw refuse(`Invalid option ${left}`);
  return lengths;
}

function readPolicy(bag: OptionBag, name: 'rerror' | 'werror'): ErrorPolicy | undefined {
  const word = bag.take(name);
  if (word === undefined || word === 'report' || word === 'ignore' || word === 'stop') return word;
  if (word === 'enospc' && name === 'werror') return word;
  throw refuse(`'${word}' invalid ${name === 'rerror' ? 'read' : 'write'} error action`);
}

function refuse(reason: string): BlockError {
  return new BlockError('EINVAL', 'make the drive', reason);
}
