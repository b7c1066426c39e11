/**
 * A place where one mutant at a time can live: a copy of the sources and tests, for vitest, and one
 * of the compiled program, for the simulation. Nothing is ever changed outside of it.
 */

import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SoundMutant } from './soundness.ts';

/** Where the project is, what of it is compiled, and where there is room for copies. */
export interface Folders {
  readonly top: string;
  readonly work: string;
  readonly compiled: string;
}

/** What the tests read. */
const COPIED = ['src', 'test', 'bench', 'package.json', 'tsconfig.json'];

/** Copies what is needed to test and compile into a folder of its own. @returns Its path. */
export function copyTree({ top, work }: Folders, name: string): string {
  const tree = join(work, name);
  mkdirSync(tree);
  for (const item of COPIED) cpSync(join(top, item), join(tree, item), { recursive: true });
  symlinkSync(join(top, 'node_modules'), join(tree, 'node_modules'));
  return tree;
}

export class Place {
  /** The copy of the sources and tests. */
  readonly tree: string;
  /** The copy of the compiled program. */
  readonly compiled: string;

  constructor(folders: Folders, name: string) {
    this.tree = copyTree(folders, `${name}-tree`);
    this.compiled = join(folders.work, `${name}-compiled`);
    cpSync(folders.compiled, this.compiled, { recursive: true });
  }

  /** Runs `body` while the mutant is in place of the file that it is a mutant of. */
  async holding<T>({ mutant, compiled }: SoundMutant, body: () => Promise<T>): Promise<T> {
    const source = join(this.tree, mutant.file);
    const program = join(this.compiled, mutant.file.replace(/\.ts$/, '.js'));
    const before = [source, program].map((path) => [path, readFileSync(path, 'utf8')] as const);
    try {
      writeFileSync(source, mutant.text);
      writeFileSync(program, readFileSync(compiled, 'utf8'));
      return await body();
    } finally {
      for (const [path, text] of before) writeFileSync(path, text);
    }
  }
}
