import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/base/errors.ts';
import { keepSeed, replayCommand, tableWidth, tellTrouble } from '../../src/cli/sim-output.ts';
import { scenario } from '../../src/sim/scenario.ts';
import { readSeed } from '../../src/sim/seed-file.ts';
import { FakeIo } from '../support/fake-io.ts';
import { withFolder } from '../support/temporary.ts';

describe('replayCommand()', () => {
  it.each([
    ['seed.json', 'mirrordisk replay seed.json'],
    ['a folder/seed.json', "mirrordisk replay 'a folder/seed.json'"],
    ["it's;", "mirrordisk replay 'it'\\''s;'"],
  ])('names %j as a shell takes it', (path, command) => {
    expect(replayCommand(path)).toBe(command);
  });
});

it('keeps a seed in the file that is named, in the place of what was there', () =>
  withFolder(async (folder) => {
    const path = join(folder, 'seed.json');
    writeFileSync(path, 'something else');
    const seed = { title: 'a', found: 'over', scenario: scenario(), schedule: [1], moves: ['b'] };
    expect(await keepSeed(seed, path)).toBe(path);
    expect(readSeed(readFileSync(path, 'utf8'))).toEqual(seed);
    await expect(keepSeed(seed, join(path, 'x'))).rejects.toThrow(BlockError);
  }));

it('makes tables as wide as the terminal, or as a page, but never too narrow', () => {
  const widths = [undefined, 132, 20].map((columns) =>
    tableWidth(new FakeIo(columns === undefined ? {} : { columns })),
  );
  expect(widths).toEqual([100, 132, 60]);
});

it('tells of trouble with files, and of nothing else', () => {
  const io = new FakeIo();
  tellTrouble(io, new BlockError('EIO', 'write "a\nb"', 'it is broken'));
  expect(io.stderr).toEqual(['Cannot write "a\\x0ab": it is broken']);
  expect(() => tellTrouble(io, new TypeError('a defect'))).toThrow('a defect');
});
