/**
 * A tiny key-value store with a write-ahead log, as an example of a program under test.
 *
 * Some keys are put at once, all of them or none: what they will be goes to the log first, then the
 * commit record, which says how many they are, and only then to where they belong.
 *
 *     sector   0       1 … 8     9 … 16
 *              commit  the log   the values, one sector for each key
 *
 * Who opens a store after a crash finds a commit record, and does again what the log says, or none,
 * and whatever the log says was never promised.
 */

import type { SimulatedDisk } from '../../src/sim/index.ts';

const SECTOR = 512;
const COMMIT = 0;
const LOG = 1;
const VALUES = 9;
/** Keys are numbers below this. */
export const KEYS = 8;

/** What can be built into the store to be found. */
export type StoreBug =
  /** The commit record may reach the disk before what it commits. */
  | 'no flush before the commit record'
  /** The commit record may be gone before what it committed is where it belongs. */
  | 'no flush before the commit record is cleared'
  /** The next log may be taken for what the last commit record has committed. */
  | 'no flush after the commit record is cleared';

type Entry = readonly [key: number, value: string];

export class Store {
  readonly #disk: SimulatedDisk;
  readonly #bug: StoreBug | undefined;

  private constructor(disk: SimulatedDisk, bug: StoreBug | undefined) {
    this.#disk = disk;
    this.#bug = bug;
  }

  /** Opens the store on a disk, and finishes what a crash has interrupted. */
  static async open(disk: SimulatedDisk, bug?: StoreBug): Promise<Store> {
    const store = new Store(disk, bug);
    const count = Number((await store.#read(COMMIT)).replace('commit ', ''));
    const entries: Entry[] = [];
    for (let at = 0; at < count; at += 1) {
      const [key = '', value = ''] = (await store.#read(LOG + at)).split('=');
      entries.push([Number(key), value]);
    }
    if (count > 0) await store.#apply(entries);
    return store;
  }

  get(key: number): Promise<string> {
    return this.#read(VALUES + key);
  }

  /** Puts values, all or none of which survive a crash; all do once this has resolved. */
  async put(entries: readonly Entry[]): Promise<void> {
    for (const [at, [key, value]] of entries.entries()) {
      await this.#write(LOG + at, `${key}=${value}`);
    }
    await this.#flush('no flush before the commit record');
    await this.#write(COMMIT, `commit ${entries.length}`);
    await this.#disk.flush();
    await this.#apply(entries);
  }

  /** Brings what is committed to where it belongs, and makes the log free again. */
  async #apply(entries: readonly Entry[]): Promise<void> {
    for (const [key, value] of entries) await this.#write(VALUES + key, value);
    await this.#flush('no flush before the commit record is cleared');
    await this.#write(COMMIT, 'commit 0');
    await this.#flush('no flush after the commit record is cleared');
  }

  async #flush(bug: StoreBug): Promise<void> {
    if (this.#bug !== bug) await this.#disk.flush();
  }

  async #read(sector: number): Promise<string> {
    const bytes = await this.#disk.read(sector * SECTOR, SECTOR);
    return new TextDecoder().decode(bytes).replaceAll('\0', '');
  }

  #write(sector: number, text: string): Promise<void> {
    const bytes = new Uint8Array(SECTOR);
    bytes.set(new TextEncoder().encode(text));
    return this.#disk.write(sector * SECTOR, bytes);
  }
}
