/**
 * Which mutants the compiler would have refused, for those nobody needs a test.
 *
 * One run of the compiler is enough for all: each mutant stands beside the file that it was made
 * of, under a name of its own, and imports what that file imports. The same run compiles them.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Mutant } from './mutants.ts';
import { copyTree, type Folders } from './place.ts';

/** A mutant that has sound types, and the path of what it compiles to. */
export interface SoundMutant {
  readonly mutant: Mutant;
  readonly compiled: string;
}

/** What is left over, or out of reach, is bad style, but runs; so a mutant may have it. */
const LENIENT = { noUnusedLocals: false, noUnusedParameters: false, allowUnreachableCode: true };
/** How the compiler begins a line about something wrong. */
const COMPLAINT = /^(?<path>\S.*?)\(\d+,\d+\): error /gm;

/**
 * Compiles mutants.
 *
 * @returns Those with sound types, in the order in which they came.
 * @throws {RangeError} When the compiler refuses more than mutants.
 */
export function soundOf(folders: Folders, mutants: readonly Mutant[]): readonly SoundMutant[] {
  const tree = copyTree(folders, 'mutants');
  const output = join(folders.work, 'mutants-compiled');
  const named = mutants.map((mutant, index) => ({
    mutant,
    path: mutant.file.replace(/\.ts$/, `.mutant-${index}.ts`),
  }));
  for (const { mutant, path } of named) writeFileSync(join(tree, path), mutant.text);
  const refused = compile(tree, output);
  const other = [...refused].find((path) => !named.some((one) => one.path === path));
  if (other !== undefined) throw new RangeError(`Cannot compile the mutants: ${other} has errors`);
  return named
    .filter(({ path }) => !refused.has(path))
    .map(({ mutant, path }) => ({ mutant, compiled: join(output, path.replace(/\.ts$/, '.js')) }))
    .filter(({ compiled }) => existsSync(compiled));
}

/** @returns The paths of what the compiler refuses. */
function compile(tree: string, outDir: string): ReadonlySet<string> {
  const compilerOptions = { ...LENIENT, noEmit: false, noEmitOnError: false, rootDir: '.', outDir };
  const config = { extends: './tsconfig.json', compilerOptions, include: ['src'] };
  writeFileSync(join(tree, 'tsconfig.mutants.json'), JSON.stringify(config));
  const compiler = join(tree, 'node_modules/typescript/bin/tsc');
  const args = [compiler, '-p', 'tsconfig.mutants.json', '--pretty', 'false'];
  const { stdout } = spawnSync(process.execPath, args, {
    cwd: tree,
    encoding: 'utf8',
    maxBuffer: Number.POSITIVE_INFINITY,
  });
  return new Set([...stdout.matchAll(COMPLAINT)].map(({ groups }) => groups?.['path'] ?? ''));
}
