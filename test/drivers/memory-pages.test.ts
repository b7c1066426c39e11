import { describe, expect, it } from 'vitest';
import { type Random, seededRandom } from '../../src/base/random.ts';
import type { Loan } from '../../src/block/driver.ts';
import { MemoryPages } from '../../src/drivers/memory-pages.ts';
import { PAGE_LENGTH } from '../../src/drivers/page-pool.ts';
import { pattern } from '../support/drivers.ts';
import { concat } from '../support/hex.ts';

const SIZE = 512 * 1024;
/** A range that begins and ends within pages. */
const [OFFSET, LENGTH] = [100 * 1024 + 5, 200_000];

function filled(): MemoryPages {
  const pages = new MemoryPages(SIZE);
  pages.write(0, pattern(SIZE));
  return pages;
}

/** Writes what comes into the memory that the pages have placed. @returns That memory. */
function writePlaced(pages: MemoryPages, offset: number, bytes: Uint8Array): Uint8Array {
  const memory = pages.place(offset, bytes.length);
  if (!memory) throw new Error('there was no memory');
  memory.set(bytes);
  pages.write(offset, memory, true);
  return memory;
}

function read(pages: MemoryPages, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  pages.read(offset, bytes);
  return bytes;
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

const CHANGES: readonly (readonly [string, (pages: MemoryPages) => void])[] = [
  ['whole pages are written', (pages) => pages.write(0, pattern(SIZE, 99))],
  ['a part of a page is written', (pages) => pages.write(OFFSET + 10, pattern(100, 99))],
  [
    'memory that was placed is written',
    (pages) => writePlaced(pages, 131_072, pattern(131_072, 99)),
  ],
  ['whole pages are cleared', (pages) => pages.clear(0, SIZE)],
  ['a part of a page is cleared', (pages) => pages.clear(OFFSET + 10, 100)],
  ['the disk becomes smaller', (pages) => pages.resize(OFFSET + 10)],
  [
    'it does so, grows and is written again',
    (pages) => {
      pages.resize(0);
      pages.resize(SIZE);
      pages.write(0, pattern(SIZE, 99));
    },
  ],
];

describe('a loan of memory pages', () => {
  it.each(CHANGES)('shows what was lent when %s', (_title, change) => {
    const pages = filled();
    const lent = read(pages, OFFSET, LENGTH);
    const loan = pages.lend(OFFSET, LENGTH);
    expect(loan && same(concat(...loan.parts), lent)).toBe(true);
    if (!loan) return;

    const other = filled();
    for (const changed of [pages, other]) change(changed);
    expect(same(concat(...loan.parts), lent)).toBe(true);
    expect(pages.size).toBe(other.size);
    // Beside what is lent it made no difference.
    const [found, expected] = [pages, other].map((disk) => read(disk, 0, disk.size));
    expect(found && expected && same(found, expected) && !same(found, pattern(SIZE))).toBe(true);
    loan.end();
    expect(same(read(pages, 0, pages.size), found ?? lent)).toBe(true);
  });

  it('lets pages be written in place again when it has ended', () => {
    const pages = filled();
    const before = pages.lend(0, SIZE);
    before?.end();
    pages.write(0, pattern(SIZE, 99));
    const after = pages.lend(0, SIZE);
    expect(before?.parts.length).toBeGreaterThan(0);
    expect(after?.parts.every((part, at) => part.buffer === before?.parts[at]?.buffer)).toBe(true);
  });

  it('is not to be had where a page is missing', () => {
    const pages = filled();
    pages.clear(20 * PAGE_LENGTH, PAGE_LENGTH);
    expect(pages.lend(0, 20 * PAGE_LENGTH)).toBeDefined();
    expect(pages.lend(0, 20 * PAGE_LENGTH + 1)).toBeUndefined();
    expect(pages.lend(21 * PAGE_LENGTH, SIZE - 21 * PAGE_LENGTH)).toBeDefined();
  });

  it('is not to be had of pages that lie scattered', () => {
    const pages = new MemoryPages(SIZE);
    const count = SIZE / PAGE_LENGTH;
    const write = (index: number) => pages.write(index * PAGE_LENGTH, pattern(PAGE_LENGTH));
    for (let index = 0; index < count; index += 2) write(index);
    for (let index = 1; index < count; index += 2) write(index);
    expect(pages.lend(0, PAGE_LENGTH)).toBeDefined();
    expect(pages.lend(0, SIZE)).toBeUndefined();
  });
});

describe('memory placed for a write', () => {
  it('becomes the pages, without a copy', () => {
    const pages = filled();
    const memory = writePlaced(pages, 131_072, pattern(131_072, 99));
    expect(same(read(pages, 131_072, 131_072), pattern(131_072, 99))).toBe(true);
    const loan = pages.lend(131_072, 131_072);
    expect(loan?.parts).toHaveLength(1);
    expect(loan?.parts[0]?.buffer).toBe(memory.buffer);
  });

  it('is not to be had for parts of pages', () => {
    const pages = filled();
    expect(pages.place(1, 131_072)).toBeUndefined();
    expect(pages.place(0, 131_071)).toBeUndefined();
    expect(pages.place(0, 131_072)).toHaveLength(131_072);
  });

  it('is copied when it is written to another place than it was for, or as any other', () => {
    const pages = filled();
    for (const [offset, placed] of [
      [131_073, true],
      [131_072, false],
    ] as const) {
      const memory = pages.place(131_072, 131_072);
      memory?.fill(9);
      pages.write(offset, memory ?? pattern(0), placed);
      memory?.fill(8);
      expect(read(pages, offset, 131_072).every((byte) => byte === 9)).toBe(true);
    }
  });

  it('changes nothing when it is never written', () => {
    const pages = filled();
    pages.place(131_072, 131_072)?.fill(9);
    expect(same(read(pages, 0, SIZE), pattern(SIZE))).toBe(true);
  });
});

interface Borrowed {
  readonly loan: Loan;
  readonly bytes: Uint8Array;
}

/** One random change, to the pages and to the model. */
function randomChange(pages: MemoryPages, model: Uint8Array, random: Random): void {
  const kind = random.below(8);
  const unit = kind < 3 ? PAGE_LENGTH : 1;
  const offset = random.below(SIZE / unit) * unit;
  const length = random.below(Math.min(SIZE - offset, 160 * 1024) / unit + 1) * unit;
  const part = model.subarray(offset, offset + length);
  if (kind === 7) {
    pages.clear(offset, length);
    part.fill(0);
    return;
  }
  random.fill(part);
  if (kind < 3) writePlaced(pages, offset, part);
  else pages.write(offset, part);
}

describe('memory pages', () => {
  it('are not there for what is cleared that was never written', () => {
    const pages = new MemoryPages(SIZE);
    pages.clear(100, 100);
    pages.clear(100, SIZE - 200);
    expect(pages.extentAt(0)).toEqual({ isData: false, end: SIZE });
  });

  it('are what was written, and loans what was lent, whatever happens meanwhile', () => {
    const random = seededRandom(3);
    const [pages, model] = [filled(), pattern(SIZE)];
    const borrowed: Borrowed[] = [];
    let lent = 0;
    for (let step = 0; step < 1500; step += 1) {
      randomChange(pages, model, random);
      const offset = random.below(SIZE);
      const length = random.below(SIZE - offset);
      const bytes = model.slice(offset, offset + length);
      expect(same(read(pages, offset, length), bytes)).toBe(true);
      const loan = pages.lend(offset, length);
      if (loan) borrowed.push({ loan, bytes });
      if (loan) lent += 1;
      if (borrowed.length <= random.below(6)) continue;
      const [over] = borrowed.splice(random.below(borrowed.length), 1);
      expect(over && same(concat(...over.loan.parts), over.bytes)).toBe(true);
      over?.loan.end();
    }
    expect(lent).toBeGreaterThan(300);
    expect(same(read(pages, 0, SIZE), model)).toBe(true);
  });
});
