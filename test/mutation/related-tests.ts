/**
 * The tests that concern a file: those that import it, or import what imports it, and so on.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';

/** Tests in the order in which they are worth a try. */
export interface RelatedTests {
  /** Those that have the name of the file or, where there are none, of what imports it. */
  readonly own: readonly string[];
  /** All others that reach it, of the folders that are about mirrors. */
  readonly others: readonly string[];
}

const FOLDERS = ['src', 'test', 'bench'];
/** The tests that are asked at all. */
const ASKED = /^test\/(bitmap|block|jobs|machine|scenario)\/.*\.test\.ts$/;
/** Who imports this runs the program of `dist/`, which is none of the mutants. */
const PROGRAM = 'test/support/cli.ts';

/** Who imports whom in a tree. */
export class Imports {
  readonly #importers = new Map<string, string[]>();

  constructor(tree: string) {
    for (const path of FOLDERS.flatMap((folder) => filesIn(tree, folder))) {
      for (const imported of importsOf(path, readFileSync(join(tree, path), 'utf8'))) {
        this.#importers.set(imported, [...(this.#importers.get(imported) ?? []), path]);
      }
    }
  }

  /** @returns The tests that reach a file. */
  testsOf(file: string): RelatedTests {
    const known = new Set([file]);
    // What is added while this goes on is met later.
    for (const path of known)
      for (const importer of this.#importers.get(path) ?? []) known.add(importer);
    const leftOut = this.#importers.get(PROGRAM) ?? [];
    const tests = [...known].filter((path) => ASKED.test(path) && !leftOut.includes(path)).sort();
    const nearest = [[file], this.#importers.get(file) ?? []].map((sources) =>
      tests.filter((test) => sources.some((source) => isNamedAfter(test, source))),
    );
    const own = nearest.find(({ length }) => length > 0) ?? [];
    return { own, others: tests.filter((path) => !own.includes(path)) };
  }
}

/** Whether a test stands where its source does, as `job.verbs.test.ts` does for `job.ts`. */
function isNamedAfter(test: string, source: string): boolean {
  return test.startsWith(source.replace(/^src/, 'test').replace(/ts$/, ''));
}

function filesIn(tree: string, folder: string): readonly string[] {
  const names = readdirSync(join(tree, folder), { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.ts')).map((name) => `${folder}/${name}`);
}

/** What a file imports at run time. */
function importsOf(path: string, text: string): readonly string[] {
  const found = text.matchAll(/^(?:im|ex)port (?!type\b)[^;]*?from '(?<specifier>\.[^']*)';/gm);
  return [...found].map(({ groups }) =>
    posix.join(posix.dirname(path), groups?.['specifier'] ?? ''),
  );
}
