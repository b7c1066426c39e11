/**
 * The file of a journal: made whole or not at all, used by one process, made void before it lies.
 *
 * It is made under another name and renamed when all of it is durable, so a file that stands under
 * its own name is a journal whatever ended the process that made it. All its bits are written at
 * once, so that none of them needs new storage later; a file system that never overwrites in place
 * may still run out.
 */

import { BlockError } from '../../base/errors.ts';
import type { ByteRange } from '../../base/ranges.ts';
import { DirtyBitmap } from '../../bitmap/dirty-bitmap.ts';
import type { FileLock, FileStatus, Files, OpenFile } from '../../env/files.ts';
import {
  BITS_OFFSET,
  BLOCK_LENGTH,
  bitsLengthOf,
  chooseHeader,
  type DecodedHeader,
  decodeBits,
  decodeHeader,
  encodeBits,
  encodeHeader,
  type HeaderState,
  hasMagic,
  type JournalHeader,
  type JournalIdentity,
} from './journal-format.ts';

/** What is read or written at once, in bytes: the bits are never all in memory as bytes. */
const PIECE_LENGTH = 64 * BLOCK_LENGTH;
/** What a journal is called while it is being made. */
const UNFINISHED = '.unfinished';

export class JournalFile {
  readonly #files: Files;
  readonly #path: string;
  readonly #file: OpenFile;
  readonly #lock: FileLock;
  #header: JournalHeader;

  private constructor(
    place: { readonly files: Files; readonly path: string },
    opened: { readonly file: OpenFile; readonly lock: FileLock; readonly header: JournalHeader },
  ) {
    this.#files = place.files;
    this.#path = place.path;
    this.#file = opened.file;
    this.#lock = opened.lock;
    this.#header = opened.header;
  }

  /**
   * Makes the file, durable and with the given bits.
   *
   * @throws {BlockError} `EEXIST` when there is one, `EBUSY` when it is being made, and what the
   *   system says, such as `ENOSPC`. Nothing is left of a failure.
   */
  static async create(
    files: Files,
    path: string,
    identity: JournalIdentity,
    dirty: DirtyBitmap,
  ): Promise<JournalFile> {
    const { size, granularity, sourceId, targetId } = identity;
    const about = { size, granularity, sourceId, targetId };
    const header: JournalHeader = { ...about, state: 'tracking', generation: 1 };
    const block = encodeHeader(header);
    const action = `create the journal "${path}"`;
    if (await files.status(path)) throw new BlockError('EEXIST', action, 'it exists');
    const unfinished = path + UNFINISHED;
    const leftover = await files.status(unfinished);
    if (leftover) await removeUnused(files, unfinished, leftover);
    const file = await files.open(unfinished, { access: 'read-write', create: true });
    let lock: FileLock | undefined;
    try {
      lock = await files.lock(await file.status());
      if (!lock) throw new BlockError('EBUSY', action, 'another mirror is making it');
      await writePieces(file, dirty, allBits(dirty), []);
      await file.write(0, block);
      await file.write(BLOCK_LENGTH, block);
      await file.sync();
      await files.rename(unfinished, path);
    } catch (error) {
      await ignoring(() => file.close());
      if (lock) await ignoring(() => files.remove(unfinished));
      await lock?.release();
      throw error;
    }
    return new JournalFile({ files, path }, { file, lock, header });
  }

  /**
   * Opens a file that was made for the same disks.
   *
   * @returns The file and what its header said; its bits are to be believed only when that was
   *   `tracking`.
   * @throws {BlockError} `ENOENT`; `EBUSY` when another mirror uses it; `EINVAL` when it is no
   *   journal, is damaged, of another version, of other disks or of a mirror that has finished.
   */
  static async open(
    files: Files,
    path: string,
    expected: JournalIdentity,
  ): Promise<{ readonly file: JournalFile; readonly found: HeaderState }> {
    const action = `resume from the journal "${path}"`;
    const file = await files.open(path, { access: 'read-write' });
    let lock: FileLock | undefined;
    try {
      const status = await file.status();
      if (status.kind !== 'regular') throw new BlockError('EINVAL', action, 'it must be a file');
      lock = await files.lock(status);
      if (!lock) throw new BlockError('EBUSY', action, 'another mirror is using it');
      const header = await readHeader(file);
      const rule = whyNot(header, expected, status.size);
      if (header.state === 'unreadable' || rule) {
        throw new BlockError('EINVAL', action, rule ?? 'it cannot be read');
      }
      await removeSecondName(files, path + UNFINISHED, status);
      const opened = new JournalFile({ files, path }, { file, lock, header });
      return { file: opened, found: header.state };
    } catch (error) {
      await ignoring(() => file.close());
      await lock?.release();
      throw error;
    }
  }

  /**
   * Removes a journal that nobody uses; none there is fine.
   *
   * @throws {BlockError} `EBUSY` when a mirror uses it, `EINVAL` when the file is something else.
   */
  static async remove(files: Files, path: string): Promise<void> {
    const found = await files.status(path);
    if (!found) return;
    const file = await files.open(path, { access: 'read' });
    try {
      const starts = new Uint8Array(2 * BLOCK_LENGTH);
      await file.read(0, starts);
      if (hasMagic(starts) || hasMagic(starts.subarray(BLOCK_LENGTH))) {
        await removeUnused(files, path, found);
        return;
      }
    } finally {
      await file.close();
    }
    throw new BlockError('EINVAL', `remove "${path}"`, 'it is not a journal');
  }

  /** How often the file was opened, this time included, or made void. */
  get generation(): number {
    return this.#header.generation;
  }

  /** @returns What may differ, by the bits. */
  async readBits(): Promise<DirtyBitmap> {
    const dirty = new DirtyBitmap(this.#header.size, this.#header.granularity);
    const end = bitsLengthOf(dirty);
    const buffer = new Uint8Array(Math.min(PIECE_LENGTH, end));
    for (let at = 0; at < end; at += PIECE_LENGTH) {
      const piece = buffer.subarray(0, Math.min(PIECE_LENGTH, end - at));
      const length = await this.#file.read(BITS_OFFSET + at, piece);
      // What is not there may differ, as what was never written.
      piece.fill(0, length);
      decodeBits(piece, at, dirty);
    }
    return dirty;
  }

  /**
   * Writes blocks of bits and makes them durable.
   *
   * @param blocks A bitmap over the bytes of the bits, a granule of it for a block.
   * @param dirty What may differ; it must not change meanwhile.
   * @param differing Ranges that may differ as well.
   */
  async writeBits(
    blocks: DirtyBitmap,
    dirty: DirtyBitmap,
    differing: readonly ByteRange[],
  ): Promise<void> {
    await writePieces(this.#file, dirty, blocks, differing);
    await this.#file.sync();
  }

  /** Counts an opening: makes the header durable anew, and the bits hold. */
  async beginGeneration(): Promise<void> {
    const generation = this.#header.generation + 1;
    await this.#writeHeader({ ...this.#header, state: 'tracking', generation });
  }

  /** Says so in the header; one of its two copies is enough. */
  async #voidBits(state: 'invalid' | 'finished'): Promise<void> {
    const generation = this.#header.generation + 1;
    this.#header = { ...this.#header, state, generation };
    const block = encodeHeader(this.#header);
    let failures = 0;
    for (const offset of [0, BLOCK_LENGTH]) {
      try {
        await this.#file.write(offset, block);
        await this.#file.sync();
      } catch (error) {
        failures += 1;
        if (failures === 2) throw error;
      }
    }
  }

  /**
   * Makes durable that the bits do not hold any more: by the header or, where that cannot be
   * written, by cutting the file off, which leaves no journal.
   */
  async voidByAnyMeans(state: 'invalid' | 'finished'): Promise<void> {
    try {
      await this.#voidBits(state);
    } catch (error) {
      if (!(error instanceof BlockError)) throw error;
      await this.#file.truncate(0);
      await this.#file.sync();
    }
  }

  /** Lets go of the file. */
  async close(): Promise<void> {
    try {
      await this.#file.close();
    } finally {
      await this.#lock.release();
    }
  }

  /** Removes the file's name; the lock is still held. */
  async removeName(): Promise<void> {
    await this.#files.remove(this.#path);
  }

  /** One copy after the other: a torn write leaves the one that is not being written. */
  async #writeHeader(header: JournalHeader): Promise<void> {
    const block = encodeHeader(header);
    for (const offset of [0, BLOCK_LENGTH]) {
      await this.#file.write(offset, block);
      await this.#file.sync();
    }
    this.#header = header;
  }
}

/** @returns A bitmap over the bytes of the bits in which every block is dirty. */
export function allBits(dirty: DirtyBitmap): DirtyBitmap {
  const blocks = noBits(dirty);
  blocks.markAll();
  return blocks;
}

/** @returns A bitmap over the bytes of the bits in which no block is dirty. */
export function noBits(dirty: DirtyBitmap): DirtyBitmap {
  return new DirtyBitmap(bitsLengthOf(dirty), BLOCK_LENGTH);
}

async function writePieces(
  file: OpenFile,
  dirty: DirtyBitmap,
  blocks: DirtyBitmap,
  differing: readonly ByteRange[],
): Promise<void> {
  for (const { offset, length } of blocks.ranges(PIECE_LENGTH)) {
    const piece = new Uint8Array(length);
    encodeBits(piece, offset, dirty, differing);
    await file.write(BITS_OFFSET + offset, piece);
  }
}

async function readHeader(file: OpenFile): Promise<DecodedHeader> {
  const blocks = new Uint8Array(2 * BLOCK_LENGTH);
  const found = blocks.subarray(0, await file.read(0, blocks));
  return chooseHeader(decodeHeader(found), decodeHeader(found.subarray(BLOCK_LENGTH)));
}

/** @returns The rule that a file breaks, with the value that broke it. */
function whyNot(
  header: DecodedHeader,
  expected: JournalIdentity,
  size: number,
): string | undefined {
  if (header.state === 'unreadable') return header.rule;
  const rules: readonly [what: string, expected: string | number, found: string | number][] = [
    ['belong to the source', `"${expected.sourceId}"`, `"${header.sourceId}"`],
    ['belong to the target', `"${expected.targetId}"`, `"${header.targetId}"`],
    ['be of disks of the size', expected.size, header.size],
    ['have the granularity', expected.granularity, header.granularity],
    ['be as long as its bits demand', BITS_OFFSET + bitsLengthOf(expected), size],
  ];
  const broken = rules.find(([, wanted, found]) => wanted !== found);
  if (broken) return `it must ${broken[0]} ${broken[1]}: ${broken[2]}`;
  // Another copy would overwrite a target that may have been in use since.
  return header.state === 'finished' ? 'it must be of a mirror that has not finished' : undefined;
}

/** @throws {BlockError} `EBUSY` when somebody uses it. */
async function removeUnused(files: Files, path: string, found: FileStatus): Promise<void> {
  const lock = await files.lock(found);
  if (!lock) throw new BlockError('EBUSY', `remove "${path}"`, 'a mirror is using it');
  try {
    await files.remove(path);
  } finally {
    await lock.release();
  }
}

/** A process that was killed within the renaming leaves the file under both names. */
async function removeSecondName(files: Files, path: string, status: FileStatus): Promise<void> {
  const second = await files.status(path);
  if (second?.device === status.device && second.inode === status.inode) await files.remove(path);
}

/** For what is done after a failure that is the one to be told. */
async function ignoring(body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (error) {
    if (!(error instanceof BlockError)) throw error;
  }
}
