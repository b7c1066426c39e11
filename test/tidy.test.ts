import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { codeOf } from './support/source-text.ts';
import {
  exportsAreNamed,
  filesAreShort,
  filesHaveHeaders,
  foldersAreOnTheMap,
  importsNameFiles,
  importsPointDown,
  nothingIsLeftToDo,
  onlyIndexReexports,
  type Rule,
  type SourceFile,
  testsMirrorSources,
  typesSaySomething,
  worldIsBehindTheSeam,
} from './support/tidy-rules.ts';

const TOP = fileURLToPath(new URL('..', import.meta.url));

function readFiles(folder: string): readonly SourceFile[] {
  const names = readdirSync(join(TOP, folder), { recursive: true, encoding: 'utf8' });
  const paths = names.filter((name) => name.endsWith('.ts')).sort();
  return paths.map((name) => ({
    path: `${folder}/${name.replaceAll('\\', '/')}`,
    text: readFileSync(join(TOP, folder, name), 'utf8'),
  }));
}

const files = ['src', 'test', 'bench'].flatMap(readFiles);

/** What a rule finds in one file. */
function found(rule: Rule, path: string, text: string): readonly string[] {
  return rule({ path, text });
}

/** Writes `<a>` as the part of a template that is code. */
function template(text: string): string {
  return text.replaceAll('<', '$' + '{').replaceAll('>', '}');
}

/** A rule, what it demands, and files that break it and that keep it. */
interface Checked {
  readonly demand: string;
  readonly rule: Rule;
  /** The rule for this project, where it depends on what files there are. */
  readonly ownRule?: Rule;
  readonly breaks: readonly (readonly [path: string, text: string])[];
  readonly keeps: readonly (readonly [path: string, text: string])[];
}

const RULES: readonly Checked[] = [
  {
    demand: 'imports point down the rows of the map',
    rule: importsPointDown,
    breaks: [
      ['src/base/a.ts', "import { b } from '../env/b.ts';"],
      ['src/block/a.ts', "import type { B } from '../drivers/b.ts';"],
      ['src/sync/a.ts', "import { b } from '../env/b.ts';"],
      ['src/jobs/mirror/a.ts', "import { b } from '../../device/b.ts';"],
      ['src/jobs/a.ts', "const b = await import('../machine/b.ts');"],
      ['src/jobs/a.ts', "let b: import('../device/b.ts').B;"],
      ['src/sim/a.ts', "import {\n  b,\n} from '../cli/b.ts';"],
      ['src/web/a.ts', "import { b } from '../workload/b.ts';"],
      ['src/cli/a.ts', "import { b } from '../index.ts';"],
      ['src/base/a.ts', "import { b } from '../nowhere/b.ts';"],
      ['src/env/a.ts', "import { b } from '../../test/base/b.ts';"],
      ['src/base/a.ts', "import b from 'left-pad';"],
      ['src/base/a.ts', "export * from '../block/b.ts';"],
      ['src/base/a.ts', "import '../block/b.ts';"],
    ],
    keeps: [
      ['src/block/a.ts', "import { b } from './b.ts';\nimport { c } from '../sync/c.ts';"],
      ['src/jobs/mirror/a.ts', "import { b } from '../job.ts';"],
      ['src/wire/nbd/a.ts', "import { b } from '../qmp/b.ts';"],
      ['src/cli/commands/a.ts', "import { b } from '../../sim/b.ts';"],
      ['src/index.ts', "export { b } from './cli/b.ts';"],
      ['src/base/a.ts', "// import { b } from '../env/b.ts';\nconst s = \"from '../env/b.ts'\";"],
      ['src/base/a.ts', "import { createHash } from 'node:crypto';"],
      ['test/base/a.test.ts', "import { b } from '../../src/cli/b.ts';\nimport 'vitest';"],
    ],
  },
  {
    demand: 'imports name files, suffix included',
    rule: importsNameFiles,
    breaks: [
      ['src/base/a.ts', "import { b } from './b';"],
      ['test/base/a.test.ts', "import { b } from '../..';"],
    ],
    keeps: [['src/base/a.ts', "import { b } from './b.ts';\nimport { c } from 'node:util';"]],
  },
  {
    demand: 'folders of src are those of the map',
    rule: foldersAreOnTheMap,
    breaks: [
      ['src/helpers/a.ts', ''],
      ['src/main.ts', ''],
    ],
    keeps: [
      ['src/index.ts', ''],
      ['src/wire/nbd/a.ts', ''],
      ['test/helpers/a.ts', ''],
    ],
  },
  {
    demand: 'nobody but index.ts and sim/index.ts re-exports',
    rule: onlyIndexReexports,
    breaks: [
      ['src/jobs/index.ts', "export * from './b.ts';"],
      ['src/base/a.ts', "export * from './b.ts';"],
      ['src/base/a.ts', "import { c } from './c.ts';\nexport type { B } from './b.ts';"],
      ['src/base/a.ts', "export {\n  b,\n} from './b.ts';"],
    ],
    keeps: [
      ['src/index.ts', "export * from './base/b.ts';"],
      ['src/sim/index.ts', "export { b } from './b.ts';"],
      ['src/base/a.ts', "import { b } from './b.ts';\nexport { c };\nexport const d = b;"],
      ['src/base/a.ts', "export const c = 1;\nimport { b } from './b.ts';"],
    ],
  },
  {
    demand: 'only env, web and cli touch the world',
    rule: worldIsBehindTheSeam,
    breaks: [
      ['src/drivers/a.ts', "import { open } from 'node:fs/promises';"],
      ['src/drivers/a.ts', "import type { Server } from 'node:net';"],
      ['src/jobs/a.ts', "import { Worker } from 'node:worker_threads';"],
      ['src/jobs/a.ts', "const cp = await import('node:child_process');"],
      ['src/jobs/a.ts', 'setTimeout(done, 5);'],
      ['src/jobs/a.ts', 'await new Promise(setImmediate);'],
      ['src/jobs/a.ts', 'const now = Date.now();'],
      ['src/jobs/a.ts', 'const chance = Math.random();'],
      ['src/jobs/a.ts', 'if (process.platform) {}'],
      ['src/jobs/a.ts', 'const now = performance.now();'],
      ['src/jobs/a.ts', 'console.log(1);'],
      ['src/jobs/a.ts', template('const text = `<Date.now()>`;')],
      ['src/base/a.ts', "import { randomBytes } from 'node:crypto';"],
    ],
    keeps: [
      ['src/env/node.ts', "import * as fs from 'node:fs';\nsetTimeout(Date.now, 1);"],
      ['src/cli/main.ts', 'process.exit(1);'],
      ['src/web/a.ts', "import { createServer } from 'node:http';"],
      ['src/bitmap/a.ts', "import { createHash } from 'node:crypto';\nimport 'node:zlib';"],
      ['src/base/a.ts', "Buffer.compare(a, b); // not Date.now()\nconst s = 'setTimeout';"],
      ['src/jobs/a.ts', 'job.process(clock.performance, mirror.Date, dateOf, processed);'],
      ['src/jobs/a.ts', 'const pattern = /Date|process/;'],
      ['test/jobs/a.test.ts', "import { readFileSync } from 'node:fs';"],
    ],
  },
  {
    demand: 'files have at most 400 lines of at most 100 columns',
    rule: filesAreShort,
    breaks: [
      ['src/base/a.ts', '\n'.repeat(401)],
      ['src/base/a.ts', `// ${'x'.repeat(98)}`],
      ['test/base/a.test.ts', `const s = '${'x'.repeat(98)}';`],
    ],
    keeps: [
      ['src/base/a.ts', '\n'.repeat(400)],
      ['src/base/a.ts', `// ${'x'.repeat(97)}\n`],
      ['src/base/a.ts', `// ${'—'.repeat(97)}\n`],
    ],
  },
  {
    demand: 'exports have names',
    rule: exportsAreNamed,
    breaks: [
      ['src/base/a.ts', 'export default class {}'],
      ['bench/a.ts', 'export { a as default };'],
    ],
    keeps: [['src/base/a.ts', 'export const a = 1; // export default\nexport { b };']],
  },
  {
    demand: 'files of src begin with a header',
    rule: filesHaveHeaders,
    breaks: [
      ['src/base/a.ts', "import { b } from './b.ts';\n/** Late. */"],
      ['src/base/a.ts', '// Words.\n'],
      ['src/base/a.ts', '\n/** Late. */'],
    ],
    keeps: [
      ['src/base/a.ts', '/** What it is. */\n'],
      ['src/cli/a.ts', '#!/usr/bin/env node\n/** What it is. */\n'],
      ['test/base/a.test.ts', "import { b } from './b.ts';"],
    ],
  },
  {
    demand: 'tests stand where their sources stand',
    rule: testsMirrorSources(['src/base/a.ts', 'src/jobs/mirror/b.ts', 'test/base/c.ts']),
    ownRule: testsMirrorSources(files.map(({ path }) => path)),
    breaks: [
      ['test/base/c.test.ts', ''],
      ['test/a.test.ts', ''],
      ['test/jobs/b.test.ts', ''],
      ['test/base/a.part.more.test.ts', ''],
    ],
    keeps: [
      ['test/base/a.test.ts', ''],
      ['test/base/a.limits.test.ts', ''],
      ['test/jobs/mirror/b.test.ts', ''],
      ['test/contract/anything.test.ts', ''],
      ['test/scenario/power-cut.test.ts', ''],
      ['test/base/helper.ts', ''],
      ['test/tidy.test.ts', ''],
      ['src/base/a.ts', ''],
    ],
  },
  {
    demand: 'nothing is left to do',
    rule: nothingIsLeftToDo,
    breaks: [
      ['src/base/a.ts', `// ${'TO'}DO: later`],
      ['test/base/a.test.ts', `const s = '${'FIX'}ME';`],
    ],
    keeps: [['src/base/a.ts', `const ${'TO'}DOS = 'todo';`]],
  },
  {
    demand: 'no type is any',
    rule: typesSaySomething,
    breaks: [
      ['src/base/a.ts', 'let a: any;'],
      ['src/base/a.ts', 'const a = b as any;'],
      ['src/base/a.ts', 'let a: Map<string, any>;'],
      ['src/base/a.ts', 'let a: Array<any>;'],
      ['src/base/a.ts', 'let a: string | any[];'],
      ['src/base/a.ts', 'function a(b: any) {}'],
      ['test/base/a.test.ts', 'type A<T extends any> = T;'],
    ],
    keeps: [
      ['src/base/a.ts', "// any\nconst a = 'any';\nawait Promise.any([]);\nlet anything: unknown;"],
    ],
  },
];

describe.each(RULES)('the house: $demand', ({ rule, ownRule = rule, breaks, keeps }) => {
  it.each(breaks)('finds what is wrong in %s: %j', (path, text) => {
    expect(found(rule, path, text)).not.toEqual([]);
  });

  it.each(keeps)('finds nothing wrong in %s: %j', (path, text) => {
    expect(found(rule, path, text)).toEqual([]);
  });

  it('keeps to it', () => {
    const broken = files.flatMap((file) => ownRule(file).map((what) => `${file.path}:${what}`));
    expect(broken).toEqual([]);
  });
});

describe('codeOf()', () => {
  it.each([
    ['a // b\nc', 'a     \nc'],
    ['a /* b\nc */ d', 'a     \n     d'],
    ["a('b\\'c') + d", "a('    ') + d"],
    ['"/*" + b', '"  " + b'],
    [template('`a<b + `c<d>`>e` + f'), template('` <b + ` <d>`> ` + f')],
    [template('`<{ a: 1 }>b`'), template('`<{ a: 1 }> `')],
    ['a = /[/"]b/g; c', 'a = /     /g; c'],
    ['a / b / c', 'a / b / c'],
    ['return /`/', 'return / /'],
    ["'unfinished\nb", "'          \nb"],
  ])('blanks out of %j what is no code', (text, code) => {
    expect(codeOf(text)).toBe(code);
  });
});

describe('the compiler', () => {
  it('is told to refuse syntax that leaves something behind, such as enums', () => {
    const options = readFileSync(join(TOP, 'tsconfig.json'), 'utf8');
    expect(options).toMatch(/"erasableSyntaxOnly":\s*true/);
  });
});
