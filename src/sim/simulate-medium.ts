/**
 * The bytes of one simulated disk or file, with a volatile cache in front of what survives.
 *
 * A write shows at once and is kept in the cache, sector by sector, until a flush reaches it. At a
 * power cut each sector keeps what was durable or what any write in the cache left there; so writes
 * survive in any order, and those of several sectors in part. Of a file the size survives by
 * itself, as one more thing that a write may have changed.
 *
 *     sector      0        1        2         size
 *     durable     A        A        A         1536
 *     write 1              B        B
 *     write 2              C                           sector 1 may hold A, B or C after a cut
 */

/** What tears: parts of a write that survive or are lost as one. */
export const TEAR_LENGTH = 512;

/** Stands for the size among the sectors. */
const SIZE = -1;

/** A write that no flush has reached. */
export interface CachedChange {
  readonly label: string;
  readonly order: number;
  /** What sectors held right behind it; the size under {@link SIZE}. */
  readonly versions: ReadonlyMap<number, Uint8Array | number>;
  /** Its caller knows that it has taken effect. */
  isAnswered: boolean;
  /** A flush has failed, and no later one will make it durable. */
  isForgotten: boolean;
}

/** What a write is, before it takes effect. */
export interface Change {
  readonly label: string;
  readonly offset: number;
  /** What is written there; nothing for a change of the size. */
  readonly bytes: Uint8Array;
  /** The new size, for a change of it. */
  readonly size?: number;
}

/** Chooses which of so many versions of something survives; 0 is the durable one. */
export type ChooseSurvivor = (what: string, versions: readonly string[]) => number;

export interface CutOptions {
  /** Writes that have not taken effect yet, in the order in which they were asked for. */
  readonly inFlight: readonly Change[];
  /** Whether a write of several sectors may survive in part. */
  readonly tear: boolean;
  readonly choose: ChooseSurvivor;
}

export class Medium {
  /** What it is called now: a file may get another name. */
  name: string;
  /** What reads show. */
  bytes: Uint8Array;
  #durable: Uint8Array;
  /** Which write is durable in each sector, by its order. */
  readonly #durableOrders = new Map<number, number>();
  #cache: CachedChange[] = [];
  #order = 0;

  /** @param bytes What it holds at first, durably; the medium's own from now on. */
  constructor(name: string, bytes: Uint8Array) {
    this.name = name;
    this.bytes = bytes;
    this.#durable = bytes.slice();
  }

  /** How many writes no flush has reached. */
  get cached(): number {
    return this.#cache.length;
  }

  /** Makes a change, which shows at once. @returns It, to be flushed or marked as answered. */
  apply({ label, offset, bytes, size }: Change): CachedChange {
    const versions = new Map<number, Uint8Array | number>();
    const sizeBefore = this.bytes.length;
    const sizeNow = size ?? Math.max(sizeBefore, offset + bytes.length);
    if (sizeNow !== sizeBefore) {
      versions.set(SIZE, sizeNow);
      this.bytes = resized(this.bytes, sizeNow);
    }
    this.bytes.set(bytes, offset);
    // What a file has lost at its end is zeroes when it grows again.
    const cutOff = sectorsOf(sizeNow, Math.max(sizeBefore - sizeNow, 0));
    for (const sector of [...cutOff, ...sectorsOf(offset, bytes.length)]) {
      versions.set(sector, sectorAt(this.bytes, sector));
    }
    this.#order += 1;
    const change = { label, order: this.#order, versions, isAnswered: false, isForgotten: false };
    this.#cache.push(change);
    return change;
  }

  /** What a flush that comes now makes durable: what has been answered, and no more. */
  answered(): readonly CachedChange[] {
    return this.#cache.filter(({ isAnswered, isForgotten }) => isAnswered && !isForgotten);
  }

  /** Makes changes durable. */
  settle(changes: readonly CachedChange[]): void {
    const reached = new Set(changes);
    this.#cache = this.#cache.filter((change) => !reached.has(change));
    for (const { order, versions } of changes) {
      for (const [sector, version] of versions) {
        if ((this.#durableOrders.get(sector) ?? 0) >= order) continue;
        this.#durableOrders.set(sector, order);
        this.#durable = withVersion(this.#durable, sector, version);
      }
    }
  }

  /** Makes everything durable that there is. */
  settleAll(): void {
    this.#cache = [];
    this.#durable = this.bytes.slice();
  }

  /** The power fails. @returns In words, what became of the writes that were not durable. */
  cut({ inFlight, tear, choose }: CutOptions): readonly string[] {
    for (const change of inFlight) this.apply(change);
    const found = tear ? this.#cutSectors(choose) : this.#cutChanges(choose);
    this.bytes = this.#durable.slice();
    this.#cache = [];
    return found;
  }

  /** Each sector by itself. */
  #cutSectors(choose: ChooseSurvivor): readonly string[] {
    const found: string[] = [];
    const sectors = new Set(this.#cache.flatMap(({ versions }) => [...versions.keys()]));
    for (const sector of [...sectors].sort((left, right) => left - right)) {
      const versions = this.#versionsOf(sector);
      if (versions.length === 0) continue;
      const what = sector === SIZE ? `size of ${this.name}` : `${this.name} sector ${sector}`;
      const kept =
        versions[
          choose(
            what,
            versions.map(({ label }) => label),
          ) - 1
        ];
      if (kept) this.#durable = withVersion(this.#durable, sector, kept.version);
      found.push(`${what}: ${kept ? `keeps ${kept.label}` : `loses ${names(versions)}`}`);
    }
    return found;
  }

  /** Each write as a whole; of a sector, the last write that survives is what it holds. */
  #cutChanges(choose: ChooseSurvivor): readonly string[] {
    const found: string[] = [];
    const covered = new Set<number>();
    for (const change of this.#cache.slice().reverse()) {
      if (change.isForgotten) continue;
      const open = [...change.versions].filter(
        ([sector]) => !covered.has(sector) && (this.#durableOrders.get(sector) ?? 0) < change.order,
      );
      if (open.length === 0) continue;
      const isKept = choose(`${this.name} ${change.label}`, ['it']) === 1;
      found.push(`${this.name} ${isKept ? 'keeps' : 'loses'} ${change.label}`);
      for (const [sector, version] of isKept ? open : []) {
        covered.add(sector);
        this.#durable = withVersion(this.#durable, sector, version);
      }
    }
    return found;
  }

  /** What a sector may hold beside what is durable, each once, the oldest first. */
  #versionsOf(sector: number) {
    const durable = this.#durableOrders.get(sector) ?? 0;
    const now = sector === SIZE ? this.#durable.length : sectorAt(this.#durable, sector);
    const found: { readonly label: string; readonly version: Uint8Array | number }[] = [];
    for (const { label, order, versions, isForgotten } of this.#cache) {
      const version = versions.get(sector);
      if (version === undefined || order <= durable || isForgotten || isSame(version, now)) {
        continue;
      }
      if (!found.some((other) => isSame(other.version, version))) found.push({ label, version });
    }
    return found;
  }
}

/** What a few writes are called. */
function names(changes: readonly { readonly label: string }[]): string {
  return changes.map(({ label }) => label).join(', ');
}

function sectorsOf(offset: number, length: number): readonly number[] {
  if (length === 0) return [];
  const first = Math.floor(offset / TEAR_LENGTH);
  const last = Math.floor((offset + length - 1) / TEAR_LENGTH);
  return Array.from({ length: last - first + 1 }, (_, at) => first + at);
}

/** @returns A whole sector, with zeroes behind the end. */
function sectorAt(bytes: Uint8Array, sector: number): Uint8Array {
  const found = new Uint8Array(TEAR_LENGTH);
  found.set(bytes.subarray(sector * TEAR_LENGTH, (sector + 1) * TEAR_LENGTH));
  return found;
}

/** @returns The bytes with a version of a sector, or of the size, put in. */
function withVersion(bytes: Uint8Array, sector: number, version: Uint8Array | number): Uint8Array {
  if (typeof version === 'number') return resized(bytes, version);
  const start = sector * TEAR_LENGTH;
  // What lies behind the end of a file whose size did not survive is not in the file.
  const length = Math.min(TEAR_LENGTH, bytes.length - start);
  if (length > 0) bytes.set(version.subarray(0, length), start);
  return bytes;
}

function resized(bytes: Uint8Array, size: number): Uint8Array {
  const grown = new Uint8Array(size);
  grown.set(bytes.subarray(0, size));
  return grown;
}

function isSame(left: Uint8Array | number, right: Uint8Array | number): boolean {
  if (typeof left === 'number' || typeof right === 'number') return left === right;
  return Buffer.compare(left, right) === 0;
}
